/** What is known of recordings and devices beside their places on the time line, asked for once. */
import { shallowReactive } from 'vue'

import { api, ask } from '@/api/client'
import { visible } from '@/common/format'
import { everyPage } from '@/common/pages'
import { may } from '@/common/session'
import type { Lane } from './lanes'
import { distinct, type Called } from './names'

export interface Detail {
  name: string
  device: string | null
  /** How far the device's clock was ahead, taken off already; null: not known. */
  offsetMs: number | null
  /** Where its times are from, in words. */
  source: string
}

export class Known {
  readonly items = shallowReactive(new Map<string, Detail | null>())
  /** Of devices; no two are called the same. */
  readonly names = shallowReactive(new Map<string, string>())

  /** Of a recording; null while it is asked for, or where it cannot be told. */
  of(item: string): Detail | null {
    const known = this.items.get(item)
    if (known === undefined) void this.ask(item)
    return known ?? null
  }

  private async ask(item: string): Promise<Detail | null> {
    this.items.set(item, null)
    try {
      const told = await ask(api.GET('/api/items/{item}', { params: { path: { item } } }))
      const whose = told.attribution
      const device = whose?.device ?? null
      const detail = {
        name: told.name_shown, device: device !== null && device.name !== '' && device.name !== device.id ? device.name : told.source.name,
        offsetMs: whose?.offset_ms ?? null, source: whose?.time_source_text ?? '',
      }
      this.items.set(item, detail)
      return detail
    } catch {
      return null // not for this person, or away: the lane is called by what carries it
    }
  }

  /** Devices by name: that of any recording of theirs. */
  async name(lanes: readonly Lane[], otherwise: (lane: Lane) => string): Promise<void> {
    const first = new Map(lanes.flatMap((lane) => (lane.device === null || lane.segments[0] === undefined ? [] : [[lane.device, { lane, item: lane.segments[0].item }] as const])))
    const all = await Promise.all(
      [...first].map(async ([device, { lane, item }]): Promise<Called> => ({ device, name: visible((await this.ask(item))?.device ?? otherwise(lane)), serial: null })),
    )
    if (may('device.read') && new Set(all.map((one) => one.name)).size < all.length) {
      const serials = await serialsOf()
      for (const one of all) one.serial = serials.get(one.device) ?? null
    }
    for (const [device, name] of distinct(all)) this.names.set(device, name)
  }
}

/** Of the devices that this person may see. */
async function serialsOf(): Promise<Map<string, string | null>> {
  try {
    const devices = await everyPage(async (after) => { const found = await ask(api.GET('/api/devices', { params: { query: { limit: 200, ...after } as never } })); return [found.devices, found.next] })
    return new Map(devices.map((one) => [one.id, one.serial]))
  } catch {
    return new Map()
  }
}
