import { createApp } from 'vue'

import { asProblem, onSignedOut, useLanguage } from '@/api/client'
import { chosen, i18n, speak } from '@/common/i18n'
import { loadSession, sessionOrNull, signInAddress } from '@/common/session'
import { over, trouble } from '@/common/start'
import { makeRouter } from '@/router'
import App from '@/App.vue'
import '@/common/theme.css'

async function start(): Promise<void> {
  const tag = chosen(document.documentElement.lang)
  useLanguage(tag)
  await speak(tag)
  const router = makeRouter()
  const goal = router.resolve(location.pathname.replace(/^\/app/, '') + location.search)
  try {
    const session = await loadSession()
    if (session.must_change) return location.replace('/password')
    if (session.must_totp && goal.path !== '/account') return location.replace('/app/account')
  } catch (error) {
    const problem = asProblem(error)
    if (problem.signedOut && goal.meta.open !== true) return location.replace(signInAddress())
    if (!problem.signedOut) trouble.value = problem
  }
  onSignedOut(() => {
    if (sessionOrNull() !== null) over.value = true
  })
  createApp(App).directive('focus', { mounted: (place: HTMLElement) => place.focus() }).use(i18n).use(router).mount('#app')
}

void start()
