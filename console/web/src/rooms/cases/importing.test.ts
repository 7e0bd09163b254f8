import { expect, test } from 'vitest'

import { refusedSheet, sorted, type ImportRow } from './importing'

const row = (number: number, status: ImportRow['status'], text = ''): ImportRow => ({
  row: number, key: null, status, case: null, number: `案${number}`, title: '=HYPERLINK("x")',
  problem: text === '' ? null : { row: number, column: 'C 部门', code: 'unit_unknown', severity: 'error', text },
})

test('the refused rows stand first, in the order of the sheet', () => {
  const found = sorted([row(2, 'created'), row(5, 'failed', 'x'), row(3, 'unchanged'), row(4, 'failed', 'y')])
  expect(found.map((one) => one.row)).toEqual([4, 5, 2, 3])
})

test('the refused rows as a sheet: nothing of it is a formula, quotes survive', () => {
  const text = refusedSheet([row(2, 'created'), row(3, 'failed', '没有"甲"部门')], ['行', '案号', '案由', '列', '原因'])
  expect(text).toBe('\uFEFF"行","案号","案由","列","原因"\r\n"3","案3","\'=HYPERLINK(""x"")","C 部门","没有""甲""部门"\r\n')
})
