import type { Room } from '@/rooms/room'

export default {
  routes: [{ path: '/', component: () => import('./HomePage.vue'), meta: { room: 'home', title: 'home.title' } }],
  nav: [{ to: '/', label: 'nav.home', order: 10 }],
} satisfies Room
