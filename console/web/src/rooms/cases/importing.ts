/** What came of the rows of a sheet of cases, and the refused ones as a sheet to mend. */
import type { Schemas } from '@/api/client'

export interface ImportRow {
  row: number
  key: string | null
  status: 'created' | 'changed' | 'unchanged' | 'failed'
  case: string | null
  number: string
  title: string
  problem: Schemas['SheetProblem'] | null
}

/** The refused ones first, each group in the sheet's order. */
export const sorted = (rows: readonly ImportRow[]): ImportRow[] =>
  [...rows].sort((a, b) => Number(b.status === 'failed') - Number(a.status === 'failed') || a.row - b.row)

/** Always quoted; what a spreadsheet would take for a formula begins with an apostrophe. */
const cell = (text: string): string => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`

/** The refused rows with their reasons as CSV, which spreadsheets open as UTF-8. */
export function refusedSheet(rows: readonly ImportRow[], heading: readonly string[]): string {
  const lines = rows
    .filter((one) => one.status === 'failed')
    .map((one) => [String(one.row), one.number, one.title, one.problem?.column ?? '', one.problem?.text ?? ''])
  return `\uFEFF${[[...heading], ...lines].map((line) => line.map(cell).join(',')).join('\r\n')}\r\n`
}
