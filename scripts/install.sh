#!/bin/sh
# Puts one given alexa-loader file in place, or removes it again. Downloads nothing.
set -eu
umask 022

usage() {
  cat <<'TEXT'
install.sh FILE [--sha256 SUM] [--prefix FOLDER]   install FILE as FOLDER/bin/alexa-loader
install.sh --remove [--prefix FOLDER]              remove it, and what it unpacked into the cache

FOLDER is ~/.local, for root /usr/local. The SHA-256 of FILE must be given: with --sha256, in FILE.sha256,
or in a SHA256SUMS beside FILE.
TEXT
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

sum_of() {
  if command -v sha256sum >/dev/null; then set -- "$(sha256sum <"$1")"; else set -- "$(shasum -a 256 <"$1")"; fi
  printf %s "${1%% *}"
}

# LIST NAME -> the sum that the list has for the name; a list of one sum without a name counts too.
listed() {
  while read -r sum name || [ -n "$sum" ]; do
    name=${name#\*}
    case ${name##*/} in "$2" | "") printf %s "$sum" && return ;; esac
  done <"$1"
}

place() {
  [ -f "$file" ] || fail "there is no file $file"
  name=${file##*/}
  case $file in */*) beside=${file%/*} ;; *) beside=. ;; esac
  if [ -z "$expected" ] && [ -f "$file.sha256" ]; then expected=$(listed "$file.sha256" "$name"); fi
  if [ -z "$expected" ] && [ -f "$beside/SHA256SUMS" ]; then expected=$(listed "$beside/SHA256SUMS" "$name"); fi
  [ -n "$expected" ] || fail "no SHA-256 for $file: give --sha256 SUM, or put $name.sha256 or SHA256SUMS beside it"
  [ ! -d "$target" ] || fail "$target is a folder"
  mkdir -p "$bin"
  new=$(mktemp "$bin/.alexa-loader.XXXXXXXX")
  trap 'rm -f "$new"' EXIT
  cat "$file" >"$new"
  found=$(sum_of "$new") # of the copy: what is checked is what is installed
  expected=$(printf %s "$expected" | tr ABCDEF abcdef)
  [ "$found" = "$expected" ] || fail "$file is not what it should be: its SHA-256 is $found, expected $expected"
  chmod 755 "$new"
  mv -f "$new" "$target"
  trap - EXIT
  printf 'installed %s\n' "$target"
  case :$PATH: in
    *":$bin:"*) ;;
    *) printf '%s is not in PATH: add it, or call the file by its whole name\n' "$bin" ;;
  esac
}

take_away() {
  if [ -f "$target" ] || [ -L "$target" ]; then
    rm -f "$target"
    printf 'removed %s\n' "$target"
  else
    printf 'nothing at %s\n' "$target"
  fi
  for cache in "${XDG_CACHE_HOME:-$HOME/.cache}/alexa-loader" "${TMPDIR:-/tmp}/alexa-loader-cache-$(id -u)"; do
    if [ -d "$cache" ] && [ ! -L "$cache" ] && [ -O "$cache" ]; then # a link or a folder of others is none of ours
      rm -rf "$cache"
      printf 'removed %s\n' "$cache"
    fi
  done
  state=${XDG_STATE_HOME:-$HOME/.local/state}/alexa-loader
  if [ -d "$state" ]; then printf 'kept    %s: logs and boot history, yours to remove\n' "$state"; fi
}

file=''
expected=''
prefix=''
remove=''
while [ $# -gt 0 ]; do
  case $1 in
    --sha256 | --prefix)
      [ $# -gt 1 ] || fail "$1 needs a value"
      if [ "$1" = --prefix ]; then prefix=$2; else expected=$2; fi
      shift ;;
    --remove) remove=yes ;;
    -h | --help) usage && exit ;;
    -*) fail "unknown option $1 (see --help)" ;;
    *)
      [ -z "$file" ] || fail "one file only"
      file=$1 ;;
  esac
  shift
done
if [ -z "$prefix" ]; then
  if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:?}/.local; fi
fi
bin=${prefix%/}/bin
target=$bin/alexa-loader
if [ -n "$remove" ]; then
  [ -z "$file" ] || fail "--remove takes no file"
  take_away
elif [ -n "$file" ]; then
  place
else
  usage >&2
  exit 2
fi
