/**
 * Officers, devices and the like to choose from: few are a list, of many the server finds those whose
 * name has what somebody types.  Only what the person may read is asked for: a refusal is recorded.
 */
import { api, ask } from '@/api/client'
import { visible } from './format'
import { may } from './session'

export interface Choice {
  id: string
  name: string
  /** Tells two of one name apart. */
  note?: string
  group?: string
}
export interface Found {
  choices: readonly Choice[]
  /** There are more than these. */
  more: boolean
}
export interface Register {
  /** What `text` finds; without a text the first ones. */
  find: (text: string) => Promise<Found>
  /** Who or what this id is, where the address says it and no list does. */
  named: (id: string) => Promise<Choice>
}

/** So many are offered as a list at a time. */
export const FEW = 50
/** A text shorter than this finds too much to ask for. */
export const LEAST = 2
const NONE: Found = { choices: [], more: false }
const words = (text: string): { text?: string } => (text === '' ? {} : { text })

export interface Whom {
  role?: 'officer' | 'unit_head' | 'organ_head'
  organ?: string | null
  /** This unit and those below it. */
  below?: string
  /** Those who have left, too: for looking back. */
  left?: boolean
}

const choice = (id: string, name: string, note: string | null): Choice => ({ id, name: visible(name), ...(note ? { note: visible(note) } : {}) })
const now = (left: boolean | undefined): { current?: 'true' } => (left === true ? {} : { current: 'true' })

export const people = (whom: Whom = {}): Register => ({
  async find(text) {
    if (!may('person.read')) return NONE
    const query = {
      limit: FEW, ...words(text), ...now(whom.left), ...(whom.role === undefined ? {} : { role: whom.role }),
      ...(whom.organ ? { organ: whom.organ } : {}), ...(whom.below ? { below: whom.below } : {}),
    }
    const found = await ask(api.GET('/api/people', { params: { query } }))
    return { choices: found.people.map((one) => choice(one.id, one.name, one.certificate)), more: found.next !== null }
  },
  async named(person) {
    const one = await ask(api.GET('/api/people/{person}', { params: { path: { person } } }))
    return choice(one.id, one.name, one.certificate)
  },
})

export const devices = (which: { left?: boolean } = {}): Register => ({
  async find(text) {
    if (!may('device.read')) return NONE
    const found = await ask(api.GET('/api/devices', { params: { query: { limit: FEW, ...words(text), ...now(which.left) } } }))
    return { choices: found.devices.map((one) => choice(one.id, one.name, one.serial)), more: found.next !== null }
  },
  async named(device) {
    const one = await ask(api.GET('/api/devices/{device}', { params: { path: { device } } }))
    return choice(one.id, one.name, one.serial)
  },
})
