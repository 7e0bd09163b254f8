import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { beforeEach, describe, expect, test } from 'vitest'

import { fromHex, toBase64 } from '@/verify/bytes'
import { CheckError } from '@/verify/errors'
import { Fingerprint, leafHash } from '@/verify/merkle'
import { parseNote } from '@/verify/note'
import { parseReceipt } from '@/verify/receipt'
import { stepsOf, verify, type Mode, type Report, type Source, type Wish } from './check'
import { compared, memory } from './key'

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../../tests/vectors/receipts.json'), 'utf-8')) as { vkey: string; file: string; cases: { name: string; receipt: string }[] }
const good = vectors.cases.find((one) => one.name === 'good')!.receipt
const file = fromHex(vectors.file, 'file')
const note = good.slice(good.indexOf('\n\n') + 2)
const parsed = parseReceipt(good)
const item = JSON.parse(new TextDecoder().decode(parsed.entryBytes)) as { chain: string }
const id = String(parsed.disclosed.find((one) => one[1] === 'item')?.[2])
const origin = parsed.checkpoint.origin
const now = new Date('2026-11-27T00:00:00Z')

async function* pieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 5) yield bytes.subarray(at, at + 5)
}
const whole: Source = {
  receipt: async () => good,
  vkey: async () => vectors.vkey,
  checkpoint: async () => note,
  tile: async () => { throw new Error('no tile is needed') },
  chunks: async () => leafHash(file), // one chunk
  bytes: () => pieces(file),
  part: async (start, end) => file.subarray(start, end),
}
const wish: Wish = { item: id, mode: 'original', sample: 4, ownKey: false }
async function run(source: Partial<Source> = {}, change: Partial<Wish> = {}): Promise<Report> {
  return await verify({ ...whole, ...source }, memory(now), { ...wish, ...change }, { begins() {}, ended() {}, read() {}, key() {} }, now)
}
const outcomes = (report: Report): Record<string, string> => Object.fromEntries(report.steps.map((step) => [step.code, step.outcome]))

beforeEach(() => localStorage.clear())

test('the vector is what these tests take it for', () => {
  expect(item.chain).toBeTruthy()
  expect(new Fingerprint(1 << 20).chunk).toBe(1 << 20)
})

describe('what holds', () => {
  test('everything holds, but nobody compared the key yet', async () => {
    const report = await run()
    expect(outcomes(report)).toEqual(Object.fromEntries(stepsOf(wish).map((code) => [code, code === 'key' ? 'incomplete' : 'good'])))
    expect(report.verdict).toBe('incomplete')
  })

  test('with a compared key it is verified', async () => {
    compared(origin, vectors.vkey, now)
    expect((await run()).verdict).toBe('good')
    expect((await run({}, { mode: 'local' })).verdict).toBe('good')
    expect((await run({}, { mode: 'sample' })).verdict).toBe('good') // all of its one chunk
    expect((await run({}, { item: null, mode: 'local' })).verdict).toBe('good')
  })

  test('without the bytes there is no conclusion', async () => {
    compared(origin, vectors.vkey, now)
    const report = await run({}, { mode: 'none' })
    expect([report.verdict, outcomes(report).file]).toEqual(['incomplete', 'incomplete'])
  })

  test('a list of chunks that cannot be had costs the conclusion, not the check of the bytes', async () => {
    compared(origin, vectors.vkey, now)
    expect(outcomes(await run({ chunks: async () => null }))).toMatchObject({ chunks: 'incomplete', 'file-sha256': 'good', 'file-root': 'good' })
  })
})

describe('what was changed fails the step that is about it, and only it', () => {
  beforeEach(() => compared(origin, vectors.vkey, now))
  const swap = (text: string, from: string, to: string): string => {
    expect(text).toContain(from)
    return text.replace(from, to)
  }
  const flipped = (bytes: Uint8Array, at: number): Uint8Array => Uint8Array.from(bytes, (byte, n) => (n === at ? byte ^ 1 : byte))
  const hash = toBase64(parsed.proof[0] ?? new Uint8Array())
  const signature = note.split('\n').find((line) => line.startsWith(`\u2014 ${origin} `))!.split(' ').at(-1)!
  const signed = (text: string): string => {
    const bytes = Uint8Array.from(atob(signature), (c) => c.charCodeAt(0))
    return swap(text, signature, toBase64(flipped(bytes, 20)))
  }
  const root = toBase64(parsed.checkpoint.root)
  const cases: [string, Partial<Source>, Partial<Wish>, Record<string, string>][] = [
    ['a hash of the proof', { receipt: async () => swap(good, hash, toBase64(flipped(parsed.proof[0]!, 3))) }, {}, { inclusion: 'broken' }],
    ['the signature', { receipt: async () => signed(good) }, {}, { 'log-signature': 'broken', consistency: 'incomplete' }],
    ['the root', { receipt: async () => swap(good, root, toBase64(flipped(parsed.checkpoint.root, 0))) }, {}, { inclusion: 'broken', 'log-signature': 'broken', consistency: 'incomplete' }],
    ['another recording', {}, { item: '0'.repeat(32) }, { item: 'broken' }],
    ['a byte of the file', { bytes: () => pieces(flipped(file, 3)) }, {}, { 'file-sha256': 'broken', 'file-root': 'broken' }],
    ['a byte too many', { bytes: () => pieces(Uint8Array.from([...file, 0])) }, {}, { 'file-size': 'broken', 'file-sha256': 'broken', 'file-root': 'broken' }],
    ['a chunk hash', { chunks: async () => flipped(leafHash(file), 0) }, {}, { chunks: 'broken' }],
    ['a sampled chunk', { part: async (a, b) => flipped(file.subarray(a, b), 0) }, { mode: 'sample' as Mode }, { 'file-sample': 'broken' }],
    ['the newest checkpoint', { checkpoint: async () => signed(note) }, {}, { consistency: 'broken' }],
    ['another key', { vkey: async () => 'log.example/other+00000000+AAAA' }, {}, { 'log-signature': 'malformed', key: 'broken', consistency: 'incomplete' }],
  ]
  test.each(cases)('%s', async (_what, source, change, expected) => {
    const report = await run(source, change)
    const holds = Object.fromEntries(stepsOf({ ...wish, ...change }).map((code) => [code, 'good']))
    expect(outcomes(report)).toEqual({ ...holds, ...expected })
    expect(report.verdict).toBe('broken')
    for (const step of report.steps) if (step.outcome !== 'good') expect(step.detail).toMatch(/expected .*, (got|read) /)
  })

  test('an entry that was changed', async () => {
    const line = good.split('\n')[1]!
    const text = new TextDecoder().decode(Uint8Array.from(atob(line.slice(6)), (c) => c.charCodeAt(0)))
    const at = String(parsed.entry.at)
    const later = at.replace(/\d(?=\.\d{3}Z)/, (digit) => (digit === '1' ? '2' : '1'))
    const report = await run({ receipt: async () => good.replace(line, `extra ${toBase64(new TextEncoder().encode(text.replace(at, later)))}`) })
    expect(outcomes(report)).toMatchObject({ receipt: 'good', inclusion: 'broken', 'log-signature': 'good' })
  })

  test('a refusal of the server is no proof against the recording', async () => {
    const denied = async function* (): AsyncIterable<Uint8Array> { throw new Error('denied') }
    const report = await run({ bytes: denied })
    expect([report.verdict, outcomes(report).file]).toEqual(['unavailable', 'unavailable'])
  })

  test('who stops it gets no report', async () => {
    await expect(run({ receipt: async () => { throw new DOMException('x', 'AbortError') } })).rejects.toThrow('x')
    await expect(run({ receipt: async () => { throw new CheckError('incomplete', 'a: expected b, got c') } })).resolves.toMatchObject({ verdict: 'incomplete' })
  })
})

describe('what this browser saw before', () => {
  beforeEach(() => compared(origin, vectors.vkey, now))

  test('the last checkpoint is kept where all held, and nowhere else', async () => {
    await run({ bytes: () => pieces(new Uint8Array(3)) })
    expect(memory(now).seen(origin)).toBe(null)
    await run()
    expect(memory(now).seen(origin)?.size).toBe(parsed.checkpoint.size)
  })

  test('a log that is shorter than it was, or has another past, is told', async () => {
    memory(now).keep(origin, { size: parsed.checkpoint.size + 1, root: '0'.repeat(64), at: now.toISOString() })
    expect(outcomes(await run()).consistency).toBe('broken')
    memory(now).keep(origin, { size: parsed.checkpoint.size, root: '0'.repeat(64), at: now.toISOString() })
    expect(outcomes(await run()).consistency).toBe('broken')
  })

  test('what is stored wrongly is as if nothing were', async () => {
    localStorage.setItem('liuhen.heads', JSON.stringify({ [origin]: { size: 'x', root: 1 } }))
    expect((await run()).verdict).toBe('good')
  })

  test('a receipt of a log that is not here is checked without its growth', async () => {
    const other = parseNote(note).text.replace(origin, 'log.example/another')
    const report = await run({ checkpoint: async () => `${other}\n\u2014 x ${toBase64(new Uint8Array(70))}\n` }, { item: null, mode: 'local' })
    expect(outcomes(report)).not.toHaveProperty('consistency')
    expect(report.verdict).toBe('good')
  })
})
