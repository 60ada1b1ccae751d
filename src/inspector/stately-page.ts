/** The origin of Stately's inspector, which runs in the browser. */
export const statelyOrigin = 'https://stately.ai'
export const statelyAddress = `${statelyOrigin}/inspect`

/** Frames Stately's inspector and passes it every message. */
export const statelyPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Flotsam: Stately inspector</title>
<link rel="stylesheet" href="/stately.css">
</head>
<body>
<p id="note" role="status">Waiting for ${statelyOrigin}, which needs the internet. <a id="own">Open the page that works offline</a></p>
<iframe id="inspector" title="Stately inspector"></iframe>
<script src="/stately.js"></script>
</body>
</html>
`

export const statelyStyle = `html, body { height: 100%; margin: 0; font: 14px/1.5 system-ui, sans-serif; }
body { display: flex; flex-direction: column; }
p { margin: 0; padding: 0.5em 1em; background: #fff4ce; color: #332b00; }
p[hidden] { display: none; }
iframe { flex: 1; border: 0; width: 100%; }
`

/** Stately's page sends `@statelyai.connected` each time it loads. A new connection then sends everything again. */
export const statelyScript = `'use strict'
const inspector = document.getElementById('inspector')
const note = document.getElementById('note')
const own = document.getElementById('own')
own.href = '/' + location.search
let socket

function say(text) {
  note.hidden = text === ''
  note.replaceChildren(text + ' ', own)
}

function isStately(origin) {
  return /^https:\\/\\/(?:[a-z0-9-]+\\.)*stately\\.ai$/.test(origin)
}

function connect(origin) {
  if (socket) socket.close()
  const mine = new WebSocket('ws://' + location.host + '/ws' + location.search)
  socket = mine
  mine.onopen = () => say('')
  mine.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    if (socket === mine && message._version) inspector.contentWindow.postMessage(message, origin)
  }
  mine.onclose = ({ code }) => {
    if (socket !== mine) return
    // The tab was too slow, and may connect again.
    if (code === 1013) return connect(origin)
    say('The agent has exited or stopped its inspector.')
  }
}

window.addEventListener('message', ({ source, origin, data }) => {
  if (source !== inspector.contentWindow || !isStately(origin)) return
  if (data && data.type === '@statelyai.connected') connect(origin)
})
inspector.src = '${statelyAddress}'
`
