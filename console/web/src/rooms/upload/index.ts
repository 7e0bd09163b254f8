import type { Room } from '@/rooms/room'

export default {
  routes: [
    { path: '/upload', component: () => import('./UploadPage.vue'), meta: { room: 'upload', title: 'upload.title', needs: ['upload.send'] } },
    { path: '/upload/receipts', component: () => import('./ReceiptsPage.vue'), meta: { room: 'upload', title: 'upload.receipts.title', needs: ['upload.send'] } },
  ],
  nav: [{ to: '/upload', label: 'nav.upload', order: 20, needs: ['upload.send'] }],
} satisfies Room
