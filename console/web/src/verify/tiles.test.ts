import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { fromHex, hex, utf8 } from './bytes'
import { checkChunk, checkChunks, draw } from './chunks'
import { checkConsistency, checkInclusion, Fingerprint, leafHash, RootBuilder } from './merkle'
import { consistencyProof, tilePath } from './tiles'

const trees = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../tests/vectors/trees.json'), 'utf-8')) as {
  roots: string[]
  inclusion: { index: number; size: number; proof: string[] }[]
  consistency: { old: number; new: number; proof: string[] }[]
  tiles: Record<string, string[]>
}
const root = (size: number): Uint8Array => fromHex(trees.roots[size]!, 'root')
const hashes = (proof: string[]): Uint8Array[] => proof.map((one) => fromHex(one, 'hash'))
const flip = (one: Uint8Array): Uint8Array => Uint8Array.from(one, (byte, n) => (n === 5 ? byte ^ 4 : byte))

/** A log of `size` entries as tiles, as the server has them. */
function log(size: number): { tile: (path: string) => Promise<Uint8Array>; root: (n: number) => Uint8Array; asked: string[] } {
  const leaves = Array.from({ length: size }, (_, n) => leafHash(utf8(`entry ${n}`)))
  const files = new Map<string, Uint8Array>()
  for (let [level, row] = [0, leaves]; row.length > 0; level += 1) {
    const above: Uint8Array[] = []
    for (let at = 0; at < row.length; at += 256) {
      const some = row.slice(at, at + 256)
      files.set(tilePath(level, at / 256, some.length), Uint8Array.from(some.flatMap((one) => [...one])))
      if (some.length === 256) above.push(built(some))
    }
    row = above
  }
  const asked: string[] = []
  return {
    asked,
    root: (n) => built(leaves.slice(0, n)),
    tile: async (path) => {
      asked.push(path)
      const found = files.get(path)
      if (found === undefined) throw new Error(`no ${path}`)
      return found
    },
  }
}
function built(leaves: Uint8Array[]): Uint8Array {
  const tree = new RootBuilder()
  for (const one of leaves) tree.add(one)
  return tree.root()
}

describe('the proofs that the other implementations made', () => {
  test('inclusion: each holds, and with one hash changed, missing or too many it does not', () => {
    for (const { index, size, proof } of trees.inclusion) {
      const leaf = leafHash(utf8(`entry ${index}`))
      checkInclusion(leaf, index, size, hashes(proof), root(size))
      for (const at of proof.keys()) {
        expect(() => checkInclusion(leaf, index, size, hashes(proof).map((one, n) => (n === at ? flip(one) : one)), root(size))).toThrow('inclusion: expected the proof')
      }
      if (proof.length > 0) expect(() => checkInclusion(leaf, index, size, hashes(proof).slice(1), root(size))).toThrow('inclusion')
      expect(() => checkInclusion(leaf, index, size, [...hashes(proof), leaf], root(size))).toThrow('inclusion')
      expect(() => checkInclusion(flip(leaf), index, size, hashes(proof), root(size))).toThrow('inclusion')
    }
  })

  test('consistency: each holds, and changed it does not', () => {
    expect(trees.consistency.length).toBeGreaterThan(20)
    for (const { old, new: size, proof } of trees.consistency) {
      checkConsistency(old, size, root(old), root(size), hashes(proof))
      for (const at of proof.keys()) {
        expect(() => checkConsistency(old, size, root(old), root(size), hashes(proof).map((one, n) => (n === at ? flip(one) : one)))).toThrow('consistency')
      }
      expect(() => checkConsistency(old, size, flip(root(old)), root(size), hashes(proof))).toThrow('consistency')
      expect(() => checkConsistency(old, size, root(old), flip(root(size)), hashes(proof))).toThrow('consistency')
      expect(() => checkConsistency(old, size, root(old), root(size), [...hashes(proof), root(old)])).toThrow('consistency')
      if (proof.length > 0) expect(() => checkConsistency(old, size, root(old), root(size), hashes(proof).slice(1))).toThrow('consistency')
    }
    expect(() => checkConsistency(5, 4, root(5), root(4), [])).toThrow('expected a log of at least 5 entries, got 4')
  })
})

describe('tiles', () => {
  test('names are those of the format', () => {
    expect([tilePath(0, 5), tilePath(2, 1234067), tilePath(1, 0, 2)]).toEqual(['tile/0/005', 'tile/2/x001/x234/067', 'tile/1/000.p/2'])
  })

  test.each([[1, 2], [3, 8], [255, 256], [256, 257], [257, 600], [1, 600], [511, 600], [512, 600], [600, 600], [0, 7], [65_537, 66_000]])('the proof from %i to %i comes out of them', async (old, size) => {
    const made = log(size)
    checkConsistency(old, size, made.root(old), made.root(size), await consistencyProof(old, size, made.tile))
    expect(new Set(made.asked).size).toBe(made.asked.length)
    if (size in trees.tiles) for (const path of made.asked) expect(trees.tiles[size]).toContain(path)
  })

  test('proofs out of tiles are the published ones', async () => {
    for (const { old, new: size, proof } of trees.consistency) {
      expect((await consistencyProof(old, size, log(size).tile)).map(hex)).toEqual(proof)
    }
  })

  test('a tile that is too short or no whole number of hashes is refused', async () => {
    for (const length of [0, 31, 32 * 3, 32 * 257]) await expect(consistencyProof(3, 7, async () => new Uint8Array(length))).rejects.toThrow('tile/0/000.p/7: expected 7 hashes')
  })
})

describe('chunks', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, n) => (n * 7) % 256)
  const print = new Fingerprint(64)
  print.update(bytes)
  const end = print.end()
  const sealed = { size: 1000, sha256: hex(end.sha256), chunk: 64, root: hex(end.root) }
  const part = (n: number): Uint8Array => bytes.subarray(n * 64, (n + 1) * 64)
  const list = Uint8Array.from(Array.from({ length: 16 }, (_, n) => [...leafHash(part(n))]).flat())

  test('only a list that leads to the sealed root is believed', () => {
    const found = checkChunks(list, sealed)
    for (let n = 0; n < 16; n += 1) checkChunk(n, part(n), found, sealed)
    expect(() => checkChunks(flip(list), sealed)).toThrow('chunks: expected root')
    expect(() => checkChunks(list.subarray(32), sealed)).toThrow('chunks: expected 16 hashes, got 15')
    expect(() => checkChunks(list.subarray(1), sealed)).toThrow('chunks: expected hashes of 32 bytes')
    expect(() => checkChunk(3, flip(part(3)), found, sealed)).toThrow('chunk 3, bytes 192 to 256')
    expect(() => checkChunk(3, part(4), found, sealed)).toThrow('chunk 3')
    expect(() => checkChunk(15, part(15).subarray(1), found, sealed)).toThrow('chunk 15: expected 40 bytes, got 39')
  })

  test('a change is told to the chunk', () => {
    const read = new Fingerprint(64, checkChunks(list, sealed))
    read.update(Uint8Array.from(bytes, (byte, n) => (n === 500 ? byte ^ 1 : byte)))
    expect(read.end().differs).toBe(7)
    const good = new Fingerprint(64, checkChunks(list, sealed))
    good.update(bytes)
    expect(good.end().differs).toBe(null)
  })

  test('the drawn chunks are within, each once, first and last among them', () => {
    let n = 0
    expect(draw(4, 100, () => [0.5, 0.5, 0.2][n++ % 3]!)).toEqual([0, 20, 50, 99])
    expect(draw(8, 3, Math.random)).toEqual([0, 1, 2])
    expect(draw(8, 1, Math.random)).toEqual([0])
    expect(draw(8, 0, Math.random)).toEqual([])
  })
})
