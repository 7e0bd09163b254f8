/** What devices are called: those of one name by the end of their serial number, else numbered. */

export interface Called {
  device: string
  name: string
  serial: string | null
}

/** A name for each device that no other has, in the order given. */
export function distinct(all: readonly Called[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const name of new Set(all.map((one) => one.name))) {
    const same = all.filter((one) => one.name === name)
    const ends = same.map((one) => one.serial?.slice(-4) ?? '')
    const told = ends.every((end) => end !== '') && new Set(ends).size === ends.length
    same.forEach((one, n) => found.set(one.device, same.length === 1 ? name : told ? `${name} …${ends[n]}` : `${name} #${n + 1}`))
  }
  return found
}
