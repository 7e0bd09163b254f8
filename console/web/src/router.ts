import { createRouter, createWebHistory, type Router } from 'vue-router'

import { say } from '@/common/say'
import { wordsOf } from '@/common/i18n'
import { i18n } from '@/common/i18n'
import type { NavEntry, Room } from '@/rooms/room'

const FOUND = import.meta.glob<Room>('./rooms/*/index.ts', { eager: true, import: 'default' })
const ROOMS = Object.values(FOUND)

/** The main navigation, in order. */
export const NAV: NavEntry[] = ROOMS.flatMap((room) => room.nav).sort((a, b) => a.order - b.order)

export function makeRouter(): Router {
  const router = createRouter({
    history: createWebHistory('/app/'),
    routes: [
      ...ROOMS.flatMap((room) => room.routes),
      { path: '/:rest(.*)*', component: () => import('@/shell/NoPage.vue'), meta: { title: 'state.missing.title' } },
    ],
    scrollBehavior: (to, _from, saved) => saved ?? (to.hash === '' ? { top: 0 } : { el: to.hash, top: 80 }),
  })
  router.beforeEach(async (to) => {
    await wordsOf([...(to.meta.room === undefined ? [] : [to.meta.room]), ...(to.meta.uses ?? [])])
  })
  router.afterEach((to) => {
    if (to.meta.title !== undefined) {
      document.title = `${i18n.global.t(to.meta.title)}${i18n.global.t('title.separator')}${i18n.global.t('brand')}`
    }
  })
  router.onError(async (error, to) => {
    if (!/dynamically imported module|preload/i.test(String(error))) return void say(String(error), 'bad')
    // A newer version was installed while this page was open: its files have new names.  Without a
    // server the page stays as it is: the browser's own error page would take its place.
    const there = await fetch(`/app${to.fullPath}`, { method: 'HEAD', cache: 'no-store' }).then(() => true, () => false)
    if (there) location.assign(`/app${to.fullPath}`)
    else say(`${i18n.global.t('state.offline.title')} ${i18n.global.t('state.offline.next')}`, 'bad')
  })
  return router
}
