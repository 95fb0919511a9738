/** What every route of the administration states. */
export const config = { access: { role: 'admin' } } as const
export const tags = ['administration']
