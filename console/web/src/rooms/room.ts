import type { RouteRecordRaw } from 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    /** Whose words the page needs; those of other rooms whose parts it shows in `uses`. */
    room?: string
    uses?: readonly string[]
    /** Key of the page's title; a page that knows better sets it with `usePageTitle`. */
    title?: string
    /** Any of these permissions lets one in; without: whoever is signed in. */
    needs?: readonly string[]
    /** Open to whoever is not signed in, too. */
    open?: boolean
  }
}

/** An entry of the main navigation. */
export interface NavEntry {
  to: string
  /** Key in the common catalogue (`nav.…`), since it is drawn in every room. */
  label: string
  /** Small numbers first; tens keep room between. */
  order: number
  /** Any of these permissions shows it; without: everybody. */
  needs?: readonly string[]
  /** Heads a group of entries below it. */
  group?: string
}

export interface Room {
  routes: RouteRecordRaw[]
  nav: NavEntry[]
}
