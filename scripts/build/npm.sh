#!/bin/sh
# alexa-loader @VERSION@ out of its npm package: finds the runtime that npm installed with it, and becomes it.
flags='@FLAGS@'
hash='@HASH@'
# What the program itself has open (lib/clean_start/descriptors.ts); with much less the runtime ends in a panic.
open_files=64

fail() {
  printf 'alexa-loader: %s\n' "$1" >&2
  exit "$2"
}

# shellcheck disable=SC3045 # dash and busybox know -H
limit=$(ulimit -H -n) # the runtime raises the other one to it
if [ "$limit" != unlimited ] && [ "$limit" -lt "$open_files" ]; then
  fail "raise the limit of open files to at least $open_files: it is $limit" 3
fi

case $0 in
  /*) self=$0 ;;
  *) self=$PWD/$0 ;;
esac
while [ -L "$self" ]; do # npm links the command to this file
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=${self%/*}/$link ;;
  esac
done
package=$(cd -P "${self%/*}/.." && pwd) || exit
self=$package/bin/alexa-loader

case $(uname -s)-$(uname -m) in
  Linux-x86_64) runtime=linux-x64-glibc ;;
  Linux-aarch64) runtime=linux-arm64-glibc ;;
  Darwin-x86_64) runtime=darwin-x64 ;;
  Darwin-arm64) runtime=darwin-arm64 ;;
  *) fail "there is no Deno for $(uname -s) on $(uname -m)" 1 ;;
esac
# A dependency lies in the package, beside it, or further up.
folder=$package
until [ -x "$folder/node_modules/@deno/$runtime/deno" ]; do
  if [ -z "$folder" ]; then
    fail "its runtime (npm package @deno/$runtime) is not installed: install it again, with optional dependencies" 1
  fi
  folder=${folder%/*}
done

# Compiled code is kept in a folder of the user's own. What the runtime alone needs is taken out of the environment again
# by the program (lib/sys/self.ts).
unset ALEXA_LOADER_WAS_DENO_DIR ALEXA_LOADER_WAS_DENO_NO_UPDATE_CHECK ALEXA_LOADER_WAS_DENO_DISABLE_NODE_SHIM
[ -z "${DENO_DIR+set}" ] || export ALEXA_LOADER_WAS_DENO_DIR="$DENO_DIR"
[ -z "${DENO_NO_UPDATE_CHECK+set}" ] || export ALEXA_LOADER_WAS_DENO_NO_UPDATE_CHECK="$DENO_NO_UPDATE_CHECK"
[ -z "${DENO_DISABLE_NODE_SHIM+set}" ] || export ALEXA_LOADER_WAS_DENO_DISABLE_NODE_SHIM="$DENO_DISABLE_NODE_SHIM"
case ${XDG_CACHE_HOME-} in
  /*) cache=$XDG_CACHE_HOME ;;
  *) cache=${HOME:+$HOME/.cache} ;;
esac
export DENO_DIR="${cache:-/nonexistent}/alexa-loader-npm/$hash" DENO_NO_UPDATE_CHECK=1 DENO_DISABLE_NODE_SHIM=1
export ALEXA_LOADER_SELF="$self" ALEXA_LOADER_KIND=npm
[ -z "$cache" ] || (umask 077 && mkdir -p "$DENO_DIR") 2>/dev/null
# shellcheck disable=SC2086
exec "$folder/node_modules/@deno/$runtime/deno" run $flags "$package/program/main.js" "$@"
