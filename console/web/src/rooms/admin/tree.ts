/** Rows of a tree in the order in which they are read: each below its parent, with its depth. */
export interface Node {
  id: string
  name: string
  parent: string | null
}

/** Those whose parent is not among them stand at the top; a circle is shown once and cut. */
export function treeOf<T extends Node>(all: readonly T[]): { one: T; depth: number }[] {
  const known = new Set(all.map((one) => one.id))
  const below = new Map<string, T[]>()
  for (const one of all) {
    const parent = one.parent !== null && known.has(one.parent) ? one.parent : ''
    below.set(parent, [...(below.get(parent) ?? []), one])
  }
  const found: { one: T; depth: number }[] = []
  const seen = new Set<string>()
  const walk = (parent: string, depth: number): void => {
    for (const one of (below.get(parent) ?? []).sort((a, b) => a.name.localeCompare(b.name))) {
      if (seen.has(one.id)) continue
      seen.add(one.id)
      found.push({ one, depth })
      walk(one.id, depth + 1)
    }
  }
  walk('', 0)
  for (const one of all) if (!seen.has(one.id)) found.push({ one, depth: 0 })
  return found
}
