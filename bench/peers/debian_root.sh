#!/bin/sh
# A root of Debian sid with newer peers than the machine may have: debian_root.sh FOLDER [PACKAGE...], as root.
# `npm run bench -- search --root FOLDER` runs faiss and PyTorch in it. Without OpenBLAS they would take the reference BLAS, which is slow.
set -eu
folder=$1
shift
exec debootstrap --variant=minbase --include="$(echo "${*:-python3-faiss python3-torch libopenblas0-pthread}" | tr ' ' ',')" sid "$folder"
