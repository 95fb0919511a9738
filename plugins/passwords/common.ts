/** Passwords that everybody tries first, in lower case. */
export const commonPasswords: ReadonlySet<string> = new Set(['password', 'iloveyou', 'princess', 'sunshine', 'football', 'baseball', 'superman', 'trustno1', 'letmein1', 'whatever'])
