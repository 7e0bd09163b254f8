/** Lists that come in pages: whole, for choices; page by page, for registers. */
import { ref, type Ref } from 'vue'

import { useLoad, type Load } from './load'
import { sayProblem } from './say'

/** No list of choices is longer; beyond it somebody is found by searching, not by scrolling. */
const MOST = 10_000

/** Rows of all pages; `page` is given the query that asks for the page after, and tells its cursor. */
export async function everyPage<T>(page: (after: { cursor?: string }) => Promise<readonly [readonly T[], string | number | null | undefined]>): Promise<T[]> {
  const all: T[] = []
  let after: { cursor?: string } = {}
  for (;;) {
    const [rows, next] = await page(after)
    all.push(...rows)
    if (next === null || next === undefined || all.length >= MOST) return all
    after = { cursor: String(next) }
  }
}

export interface Paged<T> {
  load: Load<T[]>
  /** Whether there is more than is shown. */
  more: Ref<boolean>
  /** The next page, or all that is left: whoever looks for a name must not find only what was shown. */
  showMore: (all?: boolean) => Promise<void>
}

/** A register page by page.  After an act it is read anew as far as it was shown, so that nobody loses the place. */
export function usePaged<T>(page: (after: { cursor?: string }) => Promise<readonly [readonly T[], string | number | null | undefined]>): Paged<T> {
  const more = ref(false)
  let next: string | undefined
  let busy = false
  async function read(from: string | undefined, enough: (n: number) => boolean): Promise<T[]> {
    const rows: T[] = []
    let at = from
    do {
      const [found, after] = await page(at === undefined ? {} : { cursor: at })
      rows.push(...found)
      at = after === null || after === undefined ? undefined : String(after)
    } while (at !== undefined && !enough(rows.length))
    next = at
    more.value = at !== undefined
    return rows
  }
  let shown = 0
  const load: Load<T[]> = useLoad(async () => {
    const found = await read(undefined, (n) => n >= shown)
    shown = found.length
    return found
  })
  async function showMore(all = false): Promise<void> {
    if (busy || next === undefined) return
    busy = true
    try {
      const found = await read(next, () => !all)
      load.data.value = [...(load.data.value ?? []), ...found]
      shown = load.data.value.length
    } catch (error) {
      sayProblem(error)
    }
    busy = false
  }
  return { load, more, showMore }
}
