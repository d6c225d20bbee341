// A browser, as far as the SDK is concerned: a window of a page of another origin
// than the proxy's, with requests under the rules of that (preflights, and headers
// only as far as they are exposed), storage, and server-sent events.
import { JSDOM, VirtualConsole } from 'jsdom'
import { EventSource } from 'eventsource'

export const origin = 'http://shop.example'

const virtualConsole = new VirtualConsole()
virtualConsole.on('jsdomError', (error) => console.error(error.message))
const { window } = new JSDOM('', { url: `${origin}/`, virtualConsole })

Object.assign(globalThis, {
  window,
  XMLHttpRequest: window.XMLHttpRequest,
  localStorage: window.localStorage,
  EventSource,
})
