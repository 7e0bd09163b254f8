import type { Room } from '@/rooms/room'

export default {
  routes: [
    { path: '/cases', component: () => import('./CasesPage.vue'), meta: { room: 'cases', title: 'cases.title', needs: ['case.read'] } },
    { path: '/cases/import', component: () => import('./ImportPage.vue'), meta: { room: 'cases', uses: ['admin'], title: 'cases.import', needs: ['case.open'] } },
    { path: '/recordings', component: () => import('./RecordingsPage.vue'), meta: { room: 'cases', title: 'cases.recordings', needs: ['item.read'] } },
    { path: '/cases/:case([0-9a-f]{32})', component: () => import('./CasePage.vue'), meta: { room: 'cases', title: 'cases.case' } },
    { path: '/approvals', component: () => import('./ApprovalsPage.vue'), meta: { room: 'cases', title: 'cases.approvals' } },
  ],
  nav: [
    { to: '/cases', label: 'nav.cases', order: 40, needs: ['case.read'] },
    { to: '/recordings', label: 'nav.items', order: 45, needs: ['item.read'] },
    { to: '/approvals', label: 'nav.approvals', order: 50 },
  ],
} satisfies Room
