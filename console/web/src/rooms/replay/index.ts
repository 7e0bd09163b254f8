import type { Room } from '@/rooms/room'

export default {
  routes: [{ path: '/cases/:case([0-9a-f]{32})/replay', component: () => import('./ReplayPage.vue'), meta: { room: 'replay', uses: ['verify'], title: 'replay.title' } }],
  nav: [],
} satisfies Room
