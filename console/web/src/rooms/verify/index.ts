import type { Room } from '@/rooms/room'

export default {
  routes: [
    { path: '/items/:item([0-9a-f]{32})/verify', component: () => import('./ItemVerifyPage.vue'), meta: { room: 'verify', title: 'verify.title' } },
    { path: '/verify', component: () => import('./FileVerifyPage.vue'), meta: { room: 'verify', title: 'verify.title', open: true } },
  ],
  nav: [{ to: '/verify', label: 'nav.verify', order: 60 }],
} satisfies Room
