/** Welch's t of two samples; 0 for one against itself. */
export function welch (a: number[], b: number[]): number {
  const [first, second] = [a, b].map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return { mean, error: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1) / values.length }
  }) as [{ mean: number, error: number }, { mean: number, error: number }]
  return (first.mean - second.mean) / Math.sqrt(first.error + second.error)
}
