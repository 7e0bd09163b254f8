/**
 * Files that were chosen and not sent yet, with what is to be said of each: device, officer, case.
 *
 * Promised: a value says where it comes from: read from the name or folder, set for all, or by hand;
 * and what a person set is never replaced by what is read.
 */
import type { Said } from './queue'
import { understand, type Understood } from './layouts'
import { keyFor, type Picked } from './pick'

export type From = 'name' | 'all' | 'hand'
export type Part = 'source' | 'person' | 'caseNumber'

export interface Row {
  key: string
  picked: Picked
  read: Understood
  said: Said
  from: Record<Part, From>
  /** Why it is not sent; null: it is. */
  left: Left | null
}
export type Left = 'system' | 'hidden' | 'index' | 'empty'

export interface Device {
  id: string
  name: string
  serial: string | null
  person: { id: string; name: string } | null
}
export interface Code {
  device: string
  code: string
  person: { id: string; name: string } | null
}
export interface Known {
  devices: readonly Device[]
  codes: readonly Code[]
  cases: readonly string[]
}

/** A code without the zeros and the case that devices add. */
export const bare = (code: string): string => code.trim().toUpperCase().replace(/^0+(?=.)/, '')

/** The one registered device that a code in a name means; with a maker's code before it, too. */
export function deviceOf(code: string | null, devices: readonly Device[]): Device | null {
  if (code === null) return null
  const found = meantBy.get(devices) ?? new Map<string, Device | null>()
  meantBy.set(devices, found)
  if (!found.has(code)) found.set(code, sought(code, devices))
  return found.get(code) ?? null
}
/** Thousands of files name a few devices. */
const meantBy = new WeakMap<readonly Device[], Map<string, Device | null>>()

function sought(code: string, devices: readonly Device[]): Device | null {
  const exact = devices.filter((one) => one.serial !== null && bare(one.serial) === bare(code))
  const found = exact.length > 0 ? exact : devices.filter((one) => one.serial !== null && one.serial.length >= SERIAL_END && code.toUpperCase().endsWith(one.serial.toUpperCase()))
  return found.length === 1 ? (found[0] ?? null) : null
}
/** A serial number of so many characters may have a maker's code before it in a name. */
export const SERIAL_END = 5

const plain = (text: string): string => text.normalize('NFKC').replace(/[\s〔〕[\]()]/g, '')
const plainly = new WeakMap<readonly string[], Map<string, string>>()
/** The case whose number is the name of a folder the file lies in. */
function caseOf(path: string, cases: readonly string[]): string | null {
  const numbers = plainly.get(cases) ?? new Map(cases.map((number) => [plain(number), number]))
  plainly.set(cases, numbers)
  for (const folder of path.split('/').slice(0, -1)) {
    const number = numbers.get(plain(folder))
    if (number !== undefined) return number
  }
  return null
}

export function rowOf(picked: Picked, all: Said, known: Known): Row {
  const read = understand(picked.path)
  const left = read.ignored ?? (picked.size === 0 ? 'empty' : null)
  const row: Row = {
    key: keyFor(picked), picked, read, left,
    said: { ...all, user: read.user }, from: { source: 'all', person: 'all', caseNumber: 'all' },
  }
  return proposed(row, known)
}

/** With what its name says, as far as no person has said otherwise. */
export function proposed(row: Row, known: Known): Row {
  const said = { ...row.said }
  const from = { ...row.from }
  const device = deviceOf(row.read.device, known.devices)
  if (device !== null && from.source !== 'hand') [said.source, from.source] = [device.name, 'name']
  const number = caseOf(row.picked.path, known.cases)
  if (number !== null && from.caseNumber !== 'hand') [said.caseNumber, from.caseNumber] = [number, 'name']
  return { ...row, said, from }
}

/** Whom the user code in the name means in that device, where the register says so. */
export function meant(row: Row, known: Known): string | null {
  const device = known.devices.find((one) => one.name === row.said.source)
  if (device === undefined || row.read.user === null) return null
  const code = bare(row.read.user)
  const names = new Set(known.codes.filter((one) => one.device === device.id && bare(one.code) === code && one.person !== null).map((one) => one.person?.name ?? ''))
  return names.size === 1 ? ([...names][0] ?? null) : null
}

/** Set one part of these rows by hand. */
export function put<P extends Part>(rows: readonly Row[], keys: ReadonlySet<string>, part: P, value: Said[P]): Row[] {
  return rows.map((row) => (keys.has(row.key) ? { ...row, said: { ...row.said, [part]: value }, from: { ...row.from, [part]: 'hand' } } : row))
}

/** What is set for all, for rows of which nothing else is known. */
export const withAll = (rows: readonly Row[], all: Said): Row[] =>
  rows.map((row) => ({
    ...row,
    said: {
      ...row.said,
      ...(row.from.source === 'all' ? { source: all.source } : {}),
      ...(row.from.person === 'all' ? { person: all.person } : {}),
      ...(row.from.caseNumber === 'all' ? { caseNumber: all.caseNumber } : {}),
    },
  }))
