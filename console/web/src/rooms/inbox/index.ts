import type { Room } from '@/rooms/room'

export default {
  routes: [
    { path: '/inbox', component: () => import('./InboxPage.vue'), meta: { room: 'inbox', title: 'inbox.title' } },
    { path: '/overdue', component: () => import('./OverduePage.vue'), meta: { room: 'inbox', title: 'inbox.overdue' } },
  ],
  nav: [
    { to: '/inbox', label: 'nav.inbox', order: 30, needs: ['item.read'] },
    { to: '/overdue', label: 'nav.overdue', order: 35, needs: ['device.read'] },
  ],
} satisfies Room
