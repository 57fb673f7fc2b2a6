#!/bin/sh
# alexa-loader @VERSION@ for @TARGET@, in one file: this script, then a gzipped tar archive of the runtime and the program.
# The archive is unpacked once, into a folder that only its user can enter, and checked against the sums below.
# It needs a POSIX shell that knows [ -O and -ef too (dash, busybox, bash), gzip, tar, and of coreutils or busybox:
# cat chmod id mkdir mkfifo mktemp mv rm sha256sum sleep stat tail tee.
hash='@HASH@'
archive_sum='@ARCHIVE_SUM@'
flags='@FLAGS@'
sums='@SUMS@'
offset=@OFFSET@
# What the program itself has open (lib/clean_start/descriptors.ts); with much less the runtime ends in a panic.
open_files=64

say() { printf 'alexa-loader: %s\n' "$1" >&2; }

check_sums() {
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# Every change of a file leaves a trace here, so comparing this costs two milliseconds where the sums cost 200. Of the two
# folders only what stands before the bar counts: the runtime writes into the lower one.
traits() {
  cd "$1" || return
  all=$(TZ=UTC0 LC_ALL=C stat -c '%n %a %u|%i %s %y %z' .. . alexa-loader ./*.js 2>/dev/null ||
    stat -f '%N %Lp %u|%i %z %Fm %Fc' .. . alexa-loader ./*.js) || return # the latter for BSD and macOS
  rest=${all#*"$newline"}
  printf '%s\n' "${all%%|*}" "${rest%%|*}" "${rest#*"$newline"}"
}

own_folder() { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }

# FOLDER: holds exactly what was built, whatever its times say.
intact() (
  own_folder "$1" && [ ! -L "$1/deno_dir" ] && cd "$1" || exit
  for file in alexa-loader ./*.js; do [ -f "$file" ] && [ ! -L "$file" ] && [ -O "$file" ] || exit; done
  printf '%s\n' "$sums" | check_sums -c - >/dev/null 2>&1
)

# FOLDER: remembers how it looks now. Called only on what is intact.
remember() {
  looks=$(traits "$1") && note=$(mktemp "$1/.note.XXXXXXXX") && printf '%s\n' "$looks" >"$note" &&
    mv -f "$note" "$1/stamp"
}

# The entry is what it was when it was checked.
unchanged() {
  own_folder "$root" && own_folder "$entry" && [ ! -L "$entry/deno_dir" ] &&
    [ -f "$entry/stamp" ] && [ ! -L "$entry/stamp" ] && [ -O "$entry/stamp" ] || return
  seen=$(traits "$entry" && printf '\n' && LC_ALL=C exec cat "$entry/stamp")
  now=${seen%%"$blank_line"*}
  case $now in
    ".. 700 "*) [ "$now$blank_line$now" = "$seen" ] ;;
    *) false ;;
  esac
}

# The entry may be run: unchanged, or checked again.
usable() {
  if unchanged; then return; fi
  own_folder "$root" && own_folder "$entry" || return
  chmod 700 "$root" "$entry" 2>/dev/null
  intact "$entry" && { remember "$entry" 2>/dev/null || :; }
}

# Never returns. What the runtime alone needs is taken out of the environment again by the program (lib/sys/self.ts).
start() {
  unset ALEXA_LOADER_WAS_DENO_DIR ALEXA_LOADER_WAS_DENO_NO_UPDATE_CHECK ALEXA_LOADER_WAS_DENO_DISABLE_NODE_SHIM
  [ -z "${DENO_DIR+set}" ] || export ALEXA_LOADER_WAS_DENO_DIR="$DENO_DIR"
  [ -z "${DENO_NO_UPDATE_CHECK+set}" ] || export ALEXA_LOADER_WAS_DENO_NO_UPDATE_CHECK="$DENO_NO_UPDATE_CHECK"
  [ -z "${DENO_DISABLE_NODE_SHIM+set}" ] ||
    export ALEXA_LOADER_WAS_DENO_DISABLE_NODE_SHIM="$DENO_DISABLE_NODE_SHIM"
  # Without the last, the runtime puts a `node` of its own into PATH where there is none, and the services inherit it.
  export ALEXA_LOADER_SELF="$self" DENO_DIR="$entry/deno_dir" DENO_NO_UPDATE_CHECK=1 DENO_DISABLE_NODE_SHIM=1
  # shellcheck disable=SC2086
  exec "$entry/alexa-loader" run $flags "$entry/main.js" "$@"
}

# The folder that holds the entries: made, or found to be ours.
claim() {
  if [ ! -e "$root" ] && [ ! -L "$root" ]; then
    (umask 077 && mkdir -p "${root%/*}" && mkdir "$root") 2>/dev/null
  fi
  if [ -e "$root" ] || [ -L "$root" ]; then
    if ! own_folder "$root"; then
      why="$why$newline  $root is a link, or no folder of yours: not used"
      say "$root is a link, or no folder of yours: not used"
      return 1
    fi
  fi
  if [ ! -w "$root" ] || ! chmod 700 "$root" 2>/dev/null; then
    why="$why$newline  $root cannot be written"
    return 1
  fi
}

# One unpacks, the others wait for it. Only a courtesy: without the lock several unpack, and one entry remains.
lock() {
  turns=0
  until mkdir "$root/.lock" 2>/dev/null; do
    if unchanged; then return; fi
    holder=
    { read -r holder <"$root/.lock/pid"; } 2>/dev/null
    turns=$((turns + 1))
    if [ "$turns" -gt 150 ]; then break; fi
    if [ -n "$holder" ] && ! kill -s 0 "$holder" 2>/dev/null; then rm -rf "$root/.lock"; fi
    sleep 0.1 2>/dev/null || sleep 1
  done
  locked=yes
  { echo $$ >"$root/.lock/pid"; } 2>/dev/null
}

in_use() { # by a process of this machine; where nobody can tell, yes
  [ -e /proc/self/exe ] || return 0
  for exe in /proc/[0-9]*/exe; do
    # shellcheck disable=SC3013 # -ef: see the head
    if [ "$exe" -ef "$1/alexa-loader" ]; then return 0; fi
  done
  return 1
}

# Removes other versions that nobody runs, and what a killed unpacking left.
tidy() {
  for old in "$root"/* "$root"/.new.* "$root"/.bad.*; do
    if [ "$old" = "$entry" ] || ! own_folder "$old"; then continue; fi
    case ${old##*/} in
      .new.* | .bad.*)
        holder=${old#"$root"/.*.}
        if kill -s 0 "${holder%.*}" 2>/dev/null; then continue; fi ;;
      *) if [ ! -f "$old/stamp" ] || in_use "$old"; then continue; fi ;;
    esac
    rm -rf "$old"
  done
}

archive() { tail -c "+$offset" "$self" 2>/dev/null; }

sum_of() { check_sums | { read -r sum rest && printf %s "$sum"; }; }

# Unpacks into $new, and sums the very bytes that it unpacks at the same time.
extract() {
  mkfifo "$new/.bytes" || return
  sum_of <"$new/.bytes" >"$new/.sum" &
  archive | tee "$new/.bytes" | gzip -dc 2>/dev/null | tar -xof - -C "$new" 2>/dev/null && unpacked=yes || unpacked=
  wait
  { read -r sum || [ -n "$sum" ]; } <"$new/.sum"
  rm -f "$new/.bytes" "$new/.sum"
  [ "$unpacked" ] && [ "$sum" = "$archive_sum" ]
}

# Makes the entry: beside it, checked, then put in place by one rename. 3: this file itself is damaged.
unpack() (
  umask 077
  new=''
  locked=''
  trap 'rm -rf ${new:+"$new"} ${locked:+"$root/.lock"}' EXIT
  trap 'exit 130' HUP INT TERM
  lock
  if usable; then exit 0; fi
  if [ -e "$entry" ] || [ -L "$entry" ]; then
    say "$entry has been changed: unpacking it again"
    bad=$(mktemp -d "$root/.bad.$$.XXXXXXXX") && mv "$entry" "$bad/" && rm -rf "$bad"
  fi
  new=$(mktemp -d "$root/.new.$$.XXXXXXXX") || exit 1
  if ! extract; then
    if [ "$(archive | sum_of)" = "$archive_sum" ]; then exit 1; else exit 3; fi
  fi
  "$new/alexa-loader" --version >/dev/null 2>&1 || exit 4
  mkdir "$new/deno_dir" && remember "$new" || exit 1
  mv "$new" "$entry" || exit 1
  rm -rf "${entry:?}/${new##*/}" # another one was first: the rename went into its folder
  new=
  tidy
)

# FOLDER ARGUMENTS: starts the program out of this folder; returns where that cannot be.
try() {
  root=$1 entry=$1/$hash
  shift
  if usable; then start "$@"; fi
  claim || return
  unpack
  case $? in
    0) if usable; then start "$@"; fi ;;
    1) why="$why$newline  $root: no room, or it cannot be written" ;;
    3)
      say "$self is damaged: what it holds is not what was built (cut short or changed). Fetch it again."
      exit 1 ;;
    4) why="$why$newline  $root: programs cannot be run there (mounted noexec?), or this machine is no @TARGET@" ;;
    *) exit 130 ;;
  esac
}

main() {
  newline='
'
  blank_line=$newline$newline
  why=
  # shellcheck disable=SC3045 # dash and busybox know -H
  limit=$(ulimit -H -n) # the runtime raises the other one to it
  if [ "$limit" != unlimited ] && [ "$limit" -lt "$open_files" ]; then
    say "raise the limit of open files to at least $open_files: it is $limit"
    exit 3
  fi
  case $0 in
    /*) self=$0 ;;
    *) self=$PWD/$0 ;;
  esac
  case ${XDG_CACHE_HOME-} in
    /*) try "$XDG_CACHE_HOME/alexa-loader" "$@" ;;
    *) if [ -n "${HOME-}" ]; then try "$HOME/.cache/alexa-loader" "$@"; fi ;;
  esac
  try "${TMPDIR:-/tmp}/alexa-loader-cache-$(id -u)" "$@"
  say "nowhere to unpack itself to:$why"
  say "set XDG_CACHE_HOME to a folder of yours where programs may be run"
  exit 1
}

main "$@"
# shellcheck disable=SC2317 # what follows is no shell any more
exit
