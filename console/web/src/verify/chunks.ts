/** The list of chunk hashes, and single chunks (docs/formats/fingerprints.md). */
import { hex, same } from './bytes'
import { broken, malformed } from './errors'
import { leafHash, RootBuilder } from './merkle'
import type { Sealed } from './receipt'

/** The list, after it was found to lead to the sealed root. */
export function checkChunks(list: Uint8Array, sealed: Sealed): Uint8Array[] {
  const count = Math.ceil(sealed.size / sealed.chunk)
  if (list.length % 32 !== 0) throw malformed(`chunks: expected hashes of 32 bytes, got ${list.length} bytes`)
  if (list.length !== count * 32) throw broken(`chunks: expected ${count} hashes, got ${list.length / 32}`)
  const hashes = Array.from({ length: count }, (_, n) => list.subarray(n * 32, (n + 1) * 32))
  const tree = new RootBuilder()
  for (const one of hashes) tree.add(one)
  const root = hex(tree.root())
  if (root !== sealed.root) throw broken(`chunks: expected root ${sealed.root}, got ${root}`)
  return hashes
}

/** Where chunk `n` lies: [start, end). */
export const spanOf = (n: number, sealed: Sealed): [number, number] => [n * sealed.chunk, Math.min((n + 1) * sealed.chunk, sealed.size)]

export function checkChunk(n: number, bytes: Uint8Array, hashes: readonly Uint8Array[], sealed: Sealed): void {
  const [start, end] = spanOf(n, sealed)
  if (bytes.length !== end - start) throw broken(`chunk ${n}: expected ${end - start} bytes, got ${bytes.length}`)
  const wanted = hashes[n]
  if (wanted === undefined || !same(leafHash(bytes), wanted)) {
    throw broken(`chunk ${n}, bytes ${start} to ${end}: expected ${wanted === undefined ? 'none' : hex(wanted)}, got ${hex(leafHash(bytes))}`)
  }
}

/** `count` chunks out of `all`, the first and the last among them, the others drawn. */
export function draw(count: number, all: number, random: () => number): number[] {
  const picked = new Set<number>(all === 0 ? [] : [0, all - 1])
  while (picked.size < Math.min(count, all)) picked.add(Math.floor(random() * all))
  return [...picked].slice(0, Math.max(count, 1)).sort((a, b) => a - b)
}
