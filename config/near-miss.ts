/** Whether a variable's name looks like `known` misspelt: underscores apart, or two changes in a long name. */
export function isNearMiss (name: string, known: string): boolean {
  if (name.replaceAll('_', '') === known.replaceAll('_', '')) return true
  return known.length >= 8 && Math.abs(name.length - known.length) <= 2 && editDistance(name, known) <= 2
}

/** Levenshtein's distance, or some number above 2 where it is: a machine has many variables, and all are compared at the start. */
function editDistance (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < a.length && Math.min(...row) <= 2; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(Number(row[j + 1]) + 1, Number(next[j]) + 1, Number(row[j]) + (a[i] === b[j] ? 0 : 1)))
    }
    row = next
  }
  return Number(row[b.length])
}
