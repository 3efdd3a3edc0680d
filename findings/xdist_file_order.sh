#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0: --dist loadfile runs the files with the most tests first, in
# whatever order pytest has collected them.
#
# Expected: files are handed out in the order of the collection, so that pytest_collection_modifyitems
# (or a name) can put the file with the longest test first.
# What happens: files are sorted by their number of tests. A file with one long test, such as a run of
# a whole workflow, comes last; the other workers have nothing left while it runs.
# Why it matters: a suite of many short and few long tests ends with one busy worker, and ordering the
# collection, which helps in one process, changes nothing.
# Way out: --no-loadscope-reorder (the name says loadscope; it holds for loadfile as well).
#
# Output seen (one worker; the collection has the single long test first):
#   one process                                            a_long b_few c_many
#   -n 1 --dist loadfile                                   c_many b_few a_long
#   -n 1 --dist loadfile --no-loadscope-reorder            a_long b_few c_many
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q pytest==9.2.0 pytest-xdist==3.8.0 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
mkdir "$folder/tests"
cd "$folder/tests"
write() {  # write NAME NUMBER_OF_TESTS
    for number in $(seq "$2"); do
        printf 'def test_%s():\n    open("order", "a").write("%s\\n")\n' "$number" "$1"
    done > "test_$1.py"
}
write a_long 1
write b_few 2
write c_many 3
wrong=0
see() {  # see EXPECTED ARGUMENTS...
    local expected=$1 words
    shift
    words=${*:-one process}
    rm -f order
    ../venv/bin/python -m pytest -q -p no:cacheprovider "$@" >log 2>&1 || { cat log >&2; exit 2; }
    printf '%-54s %s\n' "$words" "$(uniq order | paste -sd ' ')"
    [ "$(uniq order | paste -sd ' ')" = "$expected" ] || wrong=1
}
see 'a_long b_few c_many'
see 'c_many b_few a_long' -n 1 --dist loadfile
see 'a_long b_few c_many' -n 1 --dist loadfile --no-loadscope-reorder
[ "$wrong" = 0 ] && echo "as recorded" || echo "the behaviour has changed"
exit "$wrong"
