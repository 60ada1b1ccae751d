import { render } from 'preact'
import { Store } from './store.ts'
import { App } from './view/app.tsx'

const store = new Store({
  openSocket: () => new WebSocket(`ws://${location.host}/ws${location.search}`),
  // browsers do not report why a WebSocket was refused
  isRefused: async () => (await fetch(location.href, { method: 'HEAD' })).status === 403,
})

const place = document.getElementById('page')
if (place) render(<App store={store} />, place)
