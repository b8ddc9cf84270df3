#!/bin/sh
# Loads a minewatch block list into this machine's firewall and hooks it up, once. Safe to run again and again: the
# second run leaves what the first one left. Reads back what the kernel holds and says so if it differs.
#
#   load-blocklist.sh nft FILE                    the list replaces the one before
#   load-blocklist.sh ipset FILE
#   load-blocklist.sh iptables FILE [FILE.v6]
#   load-blocklist.sh add nft|ipset FILE          the list is added: what is there stays until its time is over, what
#                                                 is met again is renewed
#   load-blocklist.sh remove nft|ipset|iptables|all
#
# Exit: 0 loaded and checked, 1 not loaded or not as the list says, 2 called in a wrong way.
set -eu
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin

SETS='minewatch4 minewatch6 minewatch-pool4 minewatch-pool6 minewatch-pair4 minewatch-pair6'
NFT_SETS='ep4 ep6 pool4 pool6 pair4 pair6'
HOOKS='FORWARD OUTPUT DOCKER-USER'
# An entry that lives shorter than this may be gone before it is counted.
SETTLE=60

say() { printf '%s\n' "$*"; }
fail() { printf 'load-blocklist: %s\n' "$*" >&2; exit 1; }
entries() { if [ "$1" = 1 ]; then say '1 entry'; else say "$1 entries"; fi; }
usage() {
    say 'usage: load-blocklist.sh nft FILE | ipset FILE | iptables FILE [FILE.v6] | add nft|ipset FILE | remove nft|ipset|iptables|all' >&2
    exit 2
}
have() { command -v "$1" >/dev/null 2>&1; }
need() { have "$1" || fail "$1 is not installed: install the package that brings it ($2)"; }

# check_file FILE TITLE PATTERN: ours, complete, and without a line that our lists never hold.
check_file() {
    { [ -f "$1" ] && [ -r "$1" ]; } || fail "$1 is no readable file"
    head -n 1 "$1" | grep -Eq "^# minewatch [^ ]+ block list: $2\$" ||
        fail "$1 is no minewatch list in the format \"$2\": make one with minewatch --blocklist"
    if have sha256sum; then
        want=$(sed -n 's/^# sha256: //p' "$1")
        got=$(grep -v '^#' "$1" | sha256sum | cut -d ' ' -f 1)
        [ "$want" = "$got" ] || fail "$1 is damaged or was edited: its checksum does not match; nothing was loaded"
    fi
    odd=$(grep -Env "^#|$3" "$1" | head -n 1) || true
    [ -z "$odd" ] || fail "$1 holds a line that no minewatch list has, nothing was loaded: line $odd"
}

# counted WHAT IN_KERNEL LASTING ALL: the kernel must hold all entries but those that may have expired meanwhile.
counted() {
    if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
        fail "$1 holds $2 entries, the list has $4: it was loaded in part only"
    fi
}

# lacking WHAT: standard input holds the kernel's entries, a line "--", and those of the list that must be among them.
lacking() {
    n=$(awk '$0 == "--" { wanted = 1; next } !wanted { held[$0] = 1; next } !($0 in held) { n++ } END { print n + 0 }')
    [ "$n" = 0 ] || fail "$1 lacks $n entries of the list: it was added in part only"
}

# ---- nftables

# nft takes several commands a line, so each pattern covers its line to the end.
NFT_LINE='^add table inet minewatch$|^flush (set|chain) inet minewatch [a-z0-9_]+$'
NFT_LINE="$NFT_LINE"'|^add set inet minewatch (ep|pool|pair)[46] \{ type [a-z0-9_ .]+; flags timeout; \}$'
NFT_LINE="$NFT_LINE"'|^add chain inet minewatch mw_block$'
NFT_LINE="$NFT_LINE"'|^add chain inet minewatch mw_(forward|output) \{ type filter hook (forward|output) priority filter - 5; policy accept; \}$'
NFT_LINE="$NFT_LINE"'|^add rule inet minewatch mw_(block|forward|output) [a-z0-9_@ .]+$'
NFT_LINE="$NFT_LINE"'|^add element inet minewatch (ep|pool|pair)[46] \{$|^\}$'
NFT_LINE="$NFT_LINE"'|^    [0-9a-f.:]+( \. [0-9a-f.:]+)?( \. (tcp|udp) \. [0-9]+)? timeout [0-9]+s,$'

# nft_run FILE: one transaction.
nft_run() {
    if ! answer=$(nft -f "$1" 2>&1); then
        case $answer in
        *'File exists'* | *'datatype mismatch'*) fail 'the table inet minewatch exists and is not ours: run "load-blocklist.sh remove nft" first' ;;
        *'not permitted'*) fail 'nft may not change the firewall: run this as root' ;;
        *'Too many open files'* | *'No buffer space'*) fail "the list is too large for a set in this kernel: $answer" ;;
        *) fail "nft refused the list, and the old one stays as it was: $answer" ;;
        esac
    fi
}

load_nft() {
    need nft nftables
    check_file "$1" nftables "$NFT_LINE"
    nft_run "$1"
    total=0
    for s in $NFT_SETS; do
        numbers=$(awk -v set="$s" -v settle="$SETTLE" '
            /^add element/ { now = $5 }
            now == set && /^    / { ttl = $NF + 0; all++; if (ttl >= settle) lasting++ }
            END { print lasting + 0, all + 0 }' "$1")
        kernel=$(nft list set inet minewatch "$s" | tr ',' '\n' | grep -c ' expires ') || true
        # shellcheck disable=SC2086 # two numbers
        counted "the nft set $s" "$kernel" $numbers
        total=$((total + ${numbers#* }))
    done
    say "nft: $(entries "$total") loaded"
}

# Kernels before 6.11 leave an entry that is there as it is: taking it out in the same transaction renews its life.
add_nft() {
    need nft nftables
    check_file "$1" nftables "$NFT_LINE"
    awk '
        /^flush set/ { next }
        /^add element/ { set = $5; n = 0; next }
        set != "" && /^}/ {
            for (step = 1; step <= 3; step++) {
                print (step == 2 ? "delete" : "add") " element inet minewatch " set " {"
                for (i = 1; i <= n; i++) {
                    line = entry[i]
                    if (step < 3) sub(/ timeout .*/, ",", line)
                    print line
                }
                print "}"
            }
            set = ""
            next
        }
        set != "" { entry[++n] = $0; next }
        { print }' "$1" | nft_run -
    for s in $NFT_SETS; do
        {
            nft list set inet minewatch "$s" | tr ',{}' '\n' | sed -n 's/^[[:space:]]*\(.*\) timeout .*/\1/p'
            say --
            awk -v set="$s" -v settle="$SETTLE" '
                /^add element/ { now = $5 }
                now == set && /^    / && $NF + 0 >= settle { sub(/^ +/, ""); sub(/ timeout .*/, ""); print }' "$1"
        } | lacking "the nft set $s"
    done
    say "nft: $(entries "$(grep -c '^    ' "$1" || true)") added"
}

# may TOOL ARGS…: "not there" and "not permitted" look the same in a quiet list; only one of them means removed.
may() { "$@" >/dev/null 2>&1 || fail "$1 may not look at the firewall: run this as root"; }

remove_nft() {
    if have nft; then may nft list tables; fi
    if have nft && nft list table inet minewatch >/dev/null 2>&1; then
        nft delete table inet minewatch || fail 'nft could not delete the table inet minewatch: run this as root'
    fi
    say 'nft: nothing of minewatch is left'
}

# ---- hooks for iptables and ip6tables

# hook TOOL CHAIN: one jump into CHAIN at the top of every hook, before rules that accept established connections.
hook() {
    for from in $HOOKS; do
        "$1" -w 10 -n -L "$from" >/dev/null 2>&1 || continue
        jumps=$("$1" -w 10 -S "$from" | awk -v jump="-A $from -j $2" '/^-A/ { n++; if ($0 == jump) print n }')
        [ "$jumps" != 1 ] || continue
        # First the new jump, then the old ones away from the bottom up: at no time is there none.
        [ "${jumps%%[!0-9]*}" = 1 ] || {
            "$1" -w 10 -I "$from" 1 -j "$2" || fail "$1 could not hook $2 into $from"
            jumps=$("$1" -w 10 -S "$from" | awk -v jump="-A $from -j $2" '/^-A/ { n++; if ($0 == jump) print n }')
        }
        for n in $(say "$jumps" | sort -rn); do
            [ "$n" = 1 ] || "$1" -w 10 -D "$from" "$n"
        done
    done
}

# unhook TOOL CHAIN
unhook() {
    have "$1" || return 0
    may "$1" -w 10 -n -L OUTPUT
    "$1" -w 10 -n -L "$2" >/dev/null 2>&1 || return 0
    for from in $HOOKS; do
        while "$1" -w 10 -C "$from" -j "$2" >/dev/null 2>&1; do
            "$1" -w 10 -D "$from" -j "$2"
        done
    done
    "$1" -w 10 -F "$2"
    "$1" -w 10 -X "$2"
}

# ---- iptables

IPT_LINE='^\*filter$|^:MINEWATCH - \[0:0\]$|^COMMIT$'
IPT_LINE="$IPT_LINE"'|^-A MINEWATCH( -s [0-9a-f.:]+/[0-9]+)? -d [0-9a-f.:]+/[0-9]+( -p (tcp|udp)( -m (tcp|udp) --dport [0-9]+)?)? -j REJECT --reject-with [a-z0-9-]+$'

load_family() {
    need "$1" iptables
    answer=$("$1-restore" -w 10 --noflush "$2" 2>&1) ||
        fail "$1-restore refused $2, and the old list stays as it was (run this as root): $answer"
    rules=$(grep -c '^-A' "$2") || true
    kernel=$("$1" -w 10 -S MINEWATCH | grep -c '^-A') || true
    counted "the $1 chain MINEWATCH" "$kernel" "$rules" "$rules"
    hook "$1" MINEWATCH
    say "$1: $rules rules loaded"
}

load_iptables() {
    v6=${2:-$1.v6}
    check_file "$1" iptables "$IPT_LINE"
    check_file "$v6" ip6tables "$IPT_LINE"
    load_family iptables "$1"
    if have ip6tables || grep -q '^-A' "$v6"; then load_family ip6tables "$v6"; fi
}

remove_iptables() {
    unhook iptables MINEWATCH
    unhook ip6tables MINEWATCH
    say 'iptables: nothing of minewatch is left'
}

# ---- ipset

IPSET_LINE='^create minewatch[a-z0-9-]* hash:ip(,port(,ip)?)? family inet6? hashsize [0-9]+ maxelem [0-9]+ timeout 0 -exist$'
IPSET_LINE="$IPSET_LINE"'|^(flush|swap|destroy)( minewatch[a-z0-9-]*)+$'
IPSET_LINE="$IPSET_LINE"'|^add minewatch[a-z0-9-]*-new [0-9a-f.:]+(,(tcp|udp):[0-9]+(,[0-9a-f.:]+)?)? timeout [0-9]+$'

load_ipset() {
    need ipset ipset
    need iptables iptables
    check_file "$1" ipset "$IPSET_LINE"
    # A live set keeps its name whatever parameters it was made with: the swap brings the new ones. Only its create
    # line would fail. A temporary set of an earlier run may have other parameters too.
    live=
    for s in $SETS; do
        ipset destroy "$s-new" >/dev/null 2>&1 || true
        if ipset -n list "$s" >/dev/null 2>&1; then live="$live|$s"; fi
    done
    if ! answer=$(grep -Ev "^create (-$live) " "$1" | ipset restore 2>&1); then
        for s in $SETS; do ipset destroy "$s-new" >/dev/null 2>&1 || true; done
        case $answer in
        *'type does not match'*) fail "a set of ours exists with another type: run \"load-blocklist.sh remove ipset\" first: $answer" ;;
        *'not permitted'*) fail 'ipset may not change the firewall: run this as root' ;;
        *) fail "ipset refused the list, and the live sets stay as they were: $answer" ;;
        esac
    fi
    total=0
    for s in $SETS; do
        numbers=$(awk -v set="$s-new" -v settle="$SETTLE" '
            $1 == "add" && $2 == set { all++; if ($NF >= settle) lasting++ }
            END { print lasting + 0, all + 0 }' "$1")
        kernel=$(ipset list "$s" | awk 'found { n++ } /^Members:/ { found = 1 } END { print n + 0 }')
        # shellcheck disable=SC2086 # two numbers
        counted "the ipset $s" "$kernel" $numbers
        total=$((total + ${numbers#* }))
    done
    ipset_rules iptables 4 icmp-port-unreachable
    if have ip6tables || grep -q '^add minewatch[a-z-]*6-new ' "$1"; then
        ipset_rules ip6tables 6 icmp6-port-unreachable
    fi
    say "ipset: $(entries "$total") loaded"
}

add_ipset() {
    need ipset ipset
    need iptables iptables
    check_file "$1" ipset "$IPSET_LINE"
    live=
    for s in $SETS; do
        if ipset -n list "$s" >/dev/null 2>&1; then live="$live|$s"; fi
    done
    answer=$(awk '
        $1 == "create" && $2 !~ /-new$/ { print }
        $1 == "add" { sub(/-new$/, "", $2); print $0 " -exist" }' "$1" |
        grep -Ev "^create (-$live) " | ipset restore 2>&1) ||
        fail "ipset refused the list, and it may have been added in part (run this as root): $answer"
    for s in $SETS; do
        {
            ipset list "$s" | awk 'found { print $1 } /^Members:/ { found = 1 }'
            say --
            awk -v set="$s-new" -v settle="$SETTLE" '$1 == "add" && $2 == set && $NF >= settle { print $3 }' "$1"
        } | lacking "the ipset $s"
    done
    ipset_rules iptables 4 icmp-port-unreachable
    if have ip6tables || grep -q '^add minewatch[a-z-]*6-new ' "$1"; then
        ipset_rules ip6tables 6 icmp6-port-unreachable
    fi
    say "ipset: $(entries "$(grep -c '^add ' "$1" || true)") added"
}

ipset_rules() {
    need "$1" iptables
    "$1-restore" -w 10 --noflush <<END || fail "$1-restore refused the rules that match the sets: is its set match there?"
*filter
:MINEWATCH-IPSET - [0:0]
-A MINEWATCH-IPSET -p tcp -m set --match-set minewatch$2 dst,dst -j REJECT --reject-with tcp-reset
-A MINEWATCH-IPSET -m set --match-set minewatch$2 dst,dst -j REJECT --reject-with $3
-A MINEWATCH-IPSET -p tcp -m set --match-set minewatch-pool$2 dst -j REJECT --reject-with tcp-reset
-A MINEWATCH-IPSET -m set --match-set minewatch-pool$2 dst -j REJECT --reject-with $3
-A MINEWATCH-IPSET -p tcp -m set --match-set minewatch-pair$2 src,dst,dst -j REJECT --reject-with tcp-reset
-A MINEWATCH-IPSET -m set --match-set minewatch-pair$2 src,dst,dst -j REJECT --reject-with $3
COMMIT
END
    hook "$1" MINEWATCH-IPSET
}

remove_ipset() {
    unhook iptables MINEWATCH-IPSET
    unhook ip6tables MINEWATCH-IPSET
    if have ipset; then
        may ipset -n list
        for s in $SETS; do
            for name in "$s" "$s-new"; do
                if ipset -n list "$name" >/dev/null 2>&1; then
                    ipset destroy "$name" || fail "the ipset $name is in use by a rule that is not ours"
                fi
            done
        done
    fi
    say 'ipset: nothing of minewatch is left'
}

case "${1:-}:$#" in
nft:2) load_nft "$2" ;;
ipset:2) load_ipset "$2" ;;
iptables:2 | iptables:3) shift && load_iptables "$@" ;;
add:3)
    case $2 in
    nft | ipset) "add_$2" "$3" ;;
    iptables) fail 'entries of iptables do not expire, so they cannot be added up: use nft or ipset' ;;
    *) usage ;;
    esac
    ;;
remove:2)
    case $2 in
    nft | ipset | iptables) "remove_$2" ;;
    all) remove_nft && remove_iptables && remove_ipset ;;
    *) usage ;;
    esac
    ;;
*) usage ;;
esac
