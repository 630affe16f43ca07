# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which files of the tree the checks look at. To be sourced, in the top folder of a git checkout.

# Files of the tree, new ones included, deleted ones not; with arguments: those matching a git pathspec.
files() {
    git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
        [[ ! -f $file ]] || echo "$file"
    done
}

c_files() { files '*.c' '*.h' '*.cpp'; }

shell_files() {
    files | while read -r file; do
        [[ $file != *.sh ]] && ! head -n 1 "$file" | grep -qaE '^#!.*\bbash$' || echo "$file"
    done
}
