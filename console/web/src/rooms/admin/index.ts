import type { Room } from '@/rooms/room'

const group = 'nav.group.admin'
const page = (path: string, name: string, needs: string[], component: () => Promise<unknown>): Room['routes'][number] => ({
  path: `/admin/${path}`, component: component as never, meta: { room: 'admin', title: `admin.${name}.title`, needs },
})

export default {
  routes: [
    page('organs', 'organs', ['organ.read'], () => import('./OrgansPage.vue')),
    page('people', 'people', ['person.read'], () => import('./PeoplePage.vue')),
    page('tokens', 'tokens', [], () => import('./TokensPage.vue')),
    page('procedures', 'procedures', ['rules.read'], () => import('./ProceduresPage.vue')),
    page('rules', 'rules', ['rules.read'], () => import('./RulesPage.vue')),
    page('policies', 'policies', ['rules.read'], () => import('./PoliciesPage.vue')),
    page('rosters', 'rosters', ['roster.read'], () => import('./RostersPage.vue')),
    page('devices', 'devices', ['device.read'], () => import('./DevicesPage.vue')),
    page('jobs', 'jobs', ['job.manage'], () => import('./JobsPage.vue')),
    page('health', 'health', ['server.watch'], () => import('./HealthPage.vue')),
    page('audit', 'audit', ['audit.read'], () => import('./AuditPage.vue')),
  ],
  nav: [
    { to: '/admin/organs', label: 'nav.units', order: 110, group, needs: ['organ.manage'] },
    { to: '/admin/people', label: 'nav.people', order: 120, group, needs: ['person.manage', 'person.read'] },
    { to: '/admin/tokens', label: 'nav.tokens', order: 130, group, needs: ['token.manage'] },
    { to: '/admin/procedures', label: 'nav.procedures', order: 140, group, needs: ['rules.read'] },
    { to: '/admin/rules', label: 'nav.rules', order: 150, group, needs: ['rules.read'] },
    { to: '/admin/policies', label: 'nav.policies', order: 160, group, needs: ['policy.propose', 'policy.decide'] },
    { to: '/admin/rosters', label: 'nav.rosters', order: 170, group, needs: ['roster.read'] },
    { to: '/admin/devices', label: 'nav.devices', order: 180, group, needs: ['device.read'] },
    { to: '/admin/jobs', label: 'nav.jobs', order: 190, group, needs: ['job.manage'] },
    { to: '/admin/health', label: 'nav.health', order: 195, group, needs: ['server.watch'] },
    { to: '/admin/audit', label: 'nav.audit', order: 200, group, needs: ['audit.read'] },
  ],
} satisfies Room
