#!/bin/sh
# The guardian (see guardian.ts). Arguments: boot id, grace, pid of the loader, start time of the loader; on stdin one
# line for each thing that it is told. POSIX, for dash and busybox alike; beside builtins only `tr` and `sleep`. What it
# keeps is `pid:start`: a process (or group leader) whose start time is another one is a stranger with a number that was
# used again. Times are in 1/100 s.
trap '' HUP INT QUIT TERM
mark="ALEXA_BOOT_ID=$1" grace=$2 since=$4
groups='' seen='' pids='' sessions=' '
nl='
'
look() { # PID -> state, ppid, pgrp, session, start; false when it is gone. A name may hold anything, even line ends.
  line=
  while read -r part; do line="$line $part"; done < "/proc/$1/stat"
  [ -n "$line" ] || return 1
  # shellcheck disable=SC2086 # numbers and one letter
  set -- ${line##*) }
  state=$1 ppid=$2 pgrp=$3 session=$4
  shift 19
  start=$1
}
alive() { look "$1" && [ "$state" != Z ] && [ "$state" != X ]; }
same() { alive "${1%:*}" && [ "$start" = "${1#*:}" ]; }
ours() { # no process of this number, or the one that was noted
  ! look "${1%:*}" || [ "$start" = "${1#*:}" ]
}
peopled() { # somebody in the group lives; zombies do not count
  kill -s 0 -- "-$1" || return 1
  alive "$1" && return 0
  for entry in /proc/[0-9]*; do
    alive "${entry#/proc/}" && [ "$pgrp" = "$1" ] && return 0
  done
  return 1
}
carries() {
  case "$nl$(tr '\000\n' '\n ' < "/proc/$1/environ")$nl" in
    *"$nl$mark$nl"*) return 0 ;;
  esac
  return 1
}
tell() { # SIGNAL GROUPS PIDS
  for it in $2; do ours "$it" && kill -s "$1" -- "-${it%:*}"; done
  for it in $3; do same "$it" && kill -s "$1" "${it%:*}"; done
}
prune() { # what was seen gone is never signalled again
  kept=
  for it in $groups; do ours "$it" && peopled "${it%:*}" && kept="$kept $it"; done
  groups=$kept kept=
  for it in $pids; do same "$it" && kept="$kept $it"; done
  pids=$kept
}
follow() { # whoever descends from what is known and is in none of the groups joins pids: as long as its parent lives
  family=' ' grown=1
  for it in $groups $pids; do family="$family${it%:*} "; done
  while [ -n "$grown" ]; do
    grown=
    for entry in /proc/[0-9]*; do
      pid=${entry#/proc/}
      case "$family" in *" $pid "*) continue ;; esac
      alive "$pid" || continue
      [ "$start" -ge "$since" ] || continue
      case "$groups:" in
        *" $pgrp:"*) ;;
        *) case "$family" in *" $ppid "*) pids="$pids $pid:$start" ;; *) continue ;; esac ;;
      esac
      family="$family$pid " grown=1
    done
  done
}
scan() { # -> found: processes of this boot that are in none of the groups
  found=
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    if [ "$pid" = 1 ] || [ "$pid" = $$ ]; then continue; fi
    alive "$pid" || continue
    [ "$start" -ge "$since" ] || continue
    it="$pid:$start"
    case "$pids " in *" $it "*) continue ;; esac
    case "$groups:" in *" $pgrp:"*) continue ;; esac
    case "$sessions" in
      *" $session "*) ;;
      *) carries "$pid" || continue ;;
    esac
    found="$found $it"
  done
  pids="$pids$found"
}
clock() {
  read -r up rest < /proc/uptime
  now=$(( ${up%.*} * 100 + 1${up#*.} - 100 ))
}
without() { # LEADER LIST -> kept: what does not begin with that leader
  kept=
  for it in $2; do
    case "$1" in
      "${it%%/*}" | "${it%%:*}:0") ;;
      *) kept="$kept $it" ;;
    esac
  done
}
while read -r word group more; do
  case $word in
    +) case $group in # the loader could not look
         *:0) look "${group%:*}" && group=${group%:*}:$start ;;
       esac
       groups="$groups $group" ;;
    =) without "$group" "$seen"
       for it in $more; do kept="$kept $group/$it"; done
       seen=$kept ;;
    -) without "$group" "$groups"
       groups=$kept
       without "$group" "$seen"
       seen=$kept ;;
    bye) exit 0 ;;
  esac
done
clock
end=$(( now + grace ))
kept=
for it in $groups; do
  ours "$it" && kept="$kept $it" sessions="$sessions${it%:*} "
done
groups=$kept
for it in $seen; do
  same "${it#*/}" && pids="$pids ${it#*/}"
done
follow
tell TERM "$groups" "$pids"
tell CONT "$groups" "$pids"
scan
sessions=' '
tell TERM '' "$found"
tell CONT '' "$found"
while :; do
  sleep 0.05 || sleep 1
  prune
  if [ -z "$groups$pids" ]; then
    scan
    [ -n "$found" ] || exit 0
    tell TERM '' "$found"
    tell CONT '' "$found"
  fi
  clock
  [ "$now" -lt "$end" ] || break
done
for _ in 1 2 3; do
  follow
  tell KILL "$groups" "$pids"
  scan
  tell KILL '' "$found"
  sleep 0.05 || sleep 1
  prune
  [ -n "$groups$pids" ] || exit 0
done
