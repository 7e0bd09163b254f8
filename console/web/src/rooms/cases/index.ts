import type { Room } from '@/rooms/room'

export default {
  routes: [
    { path: '/cases', component: () => import('./CasesPage.vue'), meta: { room: 'cases', title: 'cases.title', needs: ['case.read'] } },
    { path: '/cases/:case([0-9a-f]{32})', component: () => import('./CasePage.vue'), meta: { room: 'cases', title: 'cases.case' } },
    { path: '/approvals', component: () => import('./ApprovalsPage.vue'), meta: { room: 'cases', title: 'cases.approvals' } },
  ],
  nav: [
    { to: '/cases', label: 'nav.cases', order: 40, needs: ['case.read'] },
    { to: '/approvals', label: 'nav.approvals', order: 50 },
  ],
} satisfies Room
