import type { Room } from '@/rooms/room'

export default {
  routes: [{ path: '/upload', component: () => import('./UploadPage.vue'), meta: { room: 'upload', title: 'upload.title', needs: ['upload.send'] } }],
  nav: [{ to: '/upload', label: 'nav.upload', order: 20, needs: ['upload.send'] }],
} satisfies Room
