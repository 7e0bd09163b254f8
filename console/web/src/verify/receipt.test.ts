import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { decode } from './canonical'
import { fromHex, hex, utf8 } from './bytes'
import { Fingerprint, leafHash, RootBuilder } from './merkle'
import { parseKey } from './note'
import { checkFile, checkReceipt, sealedOf, verdictOf } from './receipt'

const VECTORS = join(import.meta.dirname, '../../../../tests/vectors')
const load = <T>(name: string): T => JSON.parse(readFileSync(join(VECTORS, name), 'utf-8')) as T
const receipts = load<{ vkey: string; file: string; cases: { name: string; outcome: string; receipt: string }[] }>('receipts.json')
const key = parseKey(receipts.vkey)
const good = receipts.cases.find((one) => one.name === 'good')!.receipt

describe('the vectors that the offline verifier is held against', () => {
  test.each(receipts.cases.map((one) => [one.name, one.outcome, one.receipt]))('%s: %s', (_name, outcome, receipt) => {
    expect(verdictOf(checkReceipt(receipt, key).steps)).toBe(outcome)
  })
})

test('without a key nothing is good', () => {
  expect(verdictOf(checkReceipt(good, null).steps)).toBe('incomplete')
})

test('the recording itself is checked byte by byte', () => {
  const { values } = checkReceipt(good, key)
  const sealed = sealedOf(values)
  const bytes = fromHex(receipts.file, 'file')
  const print = new Fingerprint(sealed.chunk)
  print.update(bytes)
  expect(checkFile(sealed, print.end()).map((step) => step.outcome)).toEqual(['good', 'good', 'good'])
  const other = new Fingerprint(sealed.chunk)
  other.update(Uint8Array.from(bytes, (byte, n) => (n === 3 ? byte ^ 1 : byte)))
  expect(checkFile(sealed, other.end()).map((step) => step.outcome)).toEqual(['good', 'broken', 'broken'])
})

test('every changed character of a good receipt is noticed', () => {
  for (let at = 0; at < good.lastIndexOf('\n\n'); at += 7) { // after it stand signatures, also of keys that we do not know
    const old = good[at]!
    const changed = good.slice(0, at) + (old === 'A' ? 'B' : old === '\n' ? ' ' : 'A') + good.slice(at + 1)
    expect([at, verdictOf(checkReceipt(changed, key).steps) === 'good']).toEqual([at, false])
  }
})

test('fingerprints do not depend on how the bytes come, and match the published ones', () => {
  const { cases } = load<{ cases: { name: string; chunk?: number; sha256?: string; root?: string; size?: number; bytes?: string; data?: string }[] }>('fingerprints.json')
  expect(cases.length).toBeGreaterThan(0)
  const bytes = Uint8Array.from({ length: 1000 }, (_, n) => (n * 7) % 256)
  const roots = [1, 3, 64, 100, 1000].map((piece) => {
    const print = new Fingerprint(64)
    for (let at = 0; at < bytes.length; at += piece) print.update(bytes.subarray(at, at + piece))
    return hex(print.end().root)
  })
  expect(new Set(roots).size).toBe(1)
  const tree = new RootBuilder()
  for (let at = 0; at < bytes.length; at += 64) tree.add(leafHash(bytes.subarray(at, at + 64)))
  expect(hex(tree.root())).toBe(roots[0])
})

describe('canonical JSON', () => {
  const vectors = load<{ good: { bytes: string; value: unknown }[]; malformed: string[] }>('canonical.json')

  test('the published vectors', () => {
    for (const { bytes, value } of vectors.good) expect(decode(fromHex(bytes, 'bytes'))).toEqual(value)
    for (const bytes of vectors.malformed) expect(() => decode(fromHex(bytes, 'bytes')), bytes).toThrow('canonical JSON')
  })

  test('other spellings of a value are refused', () => {
    for (const text of ['{"b":1,"a":2}', '{"a":1,"a":1}', '1.0', '1e2', '-0', ' 1', '"\\u0041"', '{"A":1}', '9007199254740993', '"\\ud800"', '[1,]']) {
      expect(() => decode(utf8(text)), text).toThrow('canonical JSON')
    }
    expect(decode(utf8('{"a":[1,null,true,"x\\n"],"b_1":{}}'))).toEqual({ a: [1, null, true, 'x\n'], b_1: {} })
  })
})
