/** Proofs of consistency out of the log's public tiles (docs/formats/log.md, "Tiles"). */
import { malformed } from './errors'
import { fold, RootBuilder } from './merkle'

const [WIDTH, HASH] = [256, 32]
/** Gives the tile of this path, `tile/<L>/<N>[.p/<W>]`. */
export type Fetch = (path: string) => Promise<Uint8Array>

export function tilePath(level: number, index: number, width = WIDTH): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  const name = [...groups.slice(0, -1).map((group) => `x${group}`), groups.at(-1)].join('/')
  return `tile/${level}/${name}${width === WIDTH ? '' : `.p/${width}`}`
}

/** The largest power of two below `size`, which is at least 2. */
function split(size: number): number {
  let found = 1
  while (found * 2 < size) found *= 2
  return found
}

/** The subtrees whose roots prove that `old` leaves are a beginning of `size`. */
export function consistencySpans(old: number, size: number): [number, number][] {
  if (old === 0 || old === size) return []
  const spans: [number, number][] = []
  let [start, stop] = [0, size]
  while (stop !== old) {
    const middle = start + split(stop - start)
    if (old <= middle) {
      spans.push([middle, stop])
      stop = middle
    } else {
      spans.push([start, middle])
      start = middle
    }
  }
  if (start > 0) spans.push([start, stop]) // else the old tree is itself a subtree of the new one
  return spans.reverse()
}

function hashesOf(data: Uint8Array, width: number, path: string): Uint8Array[] {
  if (data.length < width * HASH || data.length > WIDTH * HASH || data.length % HASH !== 0) {
    throw malformed(`${path}: expected ${width} hashes of ${HASH} bytes, got ${data.length} bytes`)
  }
  return Array.from({ length: width }, (_, n) => data.subarray(n * HASH, (n + 1) * HASH))
}

/** The proof is as true as the tiles: check it. */
export async function consistencyProof(old: number, size: number, fetch: Fetch): Promise<Uint8Array[]> {
  const seen = new Map<string, Uint8Array[]>()
  async function node(height: number, first: number): Promise<Uint8Array> {
    const level = Math.floor(height / 8)
    const [unit, span] = [256 ** level, 2 ** (height % 8)]
    const at = first / unit
    const index = Math.floor(at / WIDTH)
    const width = Math.min(WIDTH, Math.floor(size / unit) - index * WIDTH)
    const path = tilePath(level, index, width)
    let hashes = seen.get(path)
    if (hashes === undefined) {
      hashes = hashesOf(await fetch(path), width, path)
      seen.set(path, hashes)
    }
    const tree = new RootBuilder()
    for (const one of hashes.slice(at % WIDTH, (at % WIDTH) + span)) tree.add(one)
    return tree.root()
  }
  const proof: Uint8Array[] = []
  for (const [begin, stop] of consistencySpans(old, size)) {
    const parts: Uint8Array[] = []
    for (let start = begin; start < stop; ) {
      let height = 0
      while (2 ** (height + 1) <= stop - start) height += 1
      parts.push(await node(height, start))
      start += 2 ** height
    }
    proof.push(fold(parts))
  }
  return proof
}
