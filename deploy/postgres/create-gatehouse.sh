#!/bin/sh
# Run once by PostgreSQL's image, on an empty volume: a role that owns one database and may do nothing else.
set -eu

psql --no-psqlrc --set=ON_ERROR_STOP=1 --username=postgres --set=password="$(cat /run/secrets/database-password)" <<'SQL'
create role gatehouse login password :'password';
create database gatehouse owner gatehouse encoding 'UTF8' template template0;
revoke connect on database gatehouse from public;
SQL
