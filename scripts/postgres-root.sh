#!/bin/sh
# A root of Debian (trixie unless told) with PostgreSQL and pgvector, for the test of the store on a real server, as root:
#
#     scripts/postgres-root.sh FOLDER [SUITE]
#     FACENET_POSTGRES=FOLDER node --import tsx test/stores/stores.test.ts
#
# In a root that is there already the packages are installed.
set -eu
folder=$1
suite=${2:-trixie}
[ -x "$folder/usr/bin/apt-get" ] || debootstrap --variant=minbase "$suite" "$folder"
chroot "$folder" apt-get update
version=$(chroot "$folder" apt-cache search --names-only '^postgresql-[0-9]+-pgvector$' | sed 's/[^0-9]*\([0-9]*\).*/\1/' | sort -n | tail -1)
DEBIAN_FRONTEND=noninteractive chroot "$folder" apt-get install -y --no-install-recommends "postgresql-$version" "postgresql-$version-pgvector"
