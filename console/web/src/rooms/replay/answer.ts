/** The time line of a case as the server tells it, all pages as one. */
import { api, ask } from '@/api/client'
import type { Answer } from './lanes'

type Page = Answer & { next: string | null }

export async function timelineOf(id: string): Promise<Answer> {
  const page = async (query: object): Promise<Page> =>
    (await ask(api.GET('/api/cases/{case}/timeline', { params: { path: { case: id }, query: query as never } }))) as unknown as Page
  const whole = await page({})
  for (let from = whole.next; from !== null && from !== undefined; ) {
    const more = await page({ from })
    append(whole, more)
    from = more.next
  }
  return whole
}

/** The recordings of a further page: people and devices are places in that page's own lists. */
export function append(whole: Answer, more: Answer): void {
  const shift = <T,>(all: T[], fresh: T[]): number[] => fresh.map((one) => (all.includes(one) ? all.indexOf(one) : all.push(one) - 1))
  const [people, devices] = [shift(whole.people, more.people), shift(whole.devices, more.devices)]
  const at = (name: string): number => whole.columns.indexOf(name)
  for (const row of more.recordings) {
    for (const [name, places] of [['person', people], ['device', devices]] as const) {
      const place = row[at(name)]
      if (typeof place === 'number') row[at(name)] = places[place] ?? null
    }
    whole.recordings.push(row)
  }
}
