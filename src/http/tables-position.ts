/** Before every place in the tables: what is read of them is never behind what was written there, so no position needs to be waited for. */
export const TABLES_POSITION = { 'holdfast-position': 't0' } as const
