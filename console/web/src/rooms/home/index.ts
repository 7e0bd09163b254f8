import type { Room } from '@/rooms/room'

export default {
  routes: [
    { path: '/', component: () => import('./HomePage.vue'), meta: { room: 'home', title: 'home.title' } },
    { path: '/account', component: () => import('./AccountPage.vue'), meta: { room: 'home', title: 'home.account' } },
    { path: '/help', component: () => import('./HelpPage.vue'), meta: { room: 'home', title: 'home.help', open: true } },
  ],
  nav: [
    { to: '/', label: 'nav.home', order: 10 },
    { to: '/help', label: 'nav.help', order: 300 },
  ],
} satisfies Room
