// Drives Flagsmith's JavaScript SDK, as in a browser, for the tests in test/sdk:
// reads requests, one JSON object a line, and answers each with one line. The
// contract is in the documentation of package sdk.
import './browser.mjs' // first: the SDK looks for its surroundings when it is loaded
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const { createFlagsmithInstance } = await import('@flagsmith/flagsmith')
console.log = console.error // standard output is for answers
const clients = new Map()

const calls = {
  about() {
    const main = createRequire(import.meta.url).resolve('@flagsmith/flagsmith')
    const { name, version } = JSON.parse(readFileSync(new URL('package.json', `file://${main}`)))
    return { sdk: name, version, runtime: `Node.js ${process.version} with jsdom` }
  },

  async open({ client, options: o }) {
    const sdk = createFlagsmithInstance()
    clients.set(client, { sdk, options: o })
    try {
      await sdk.init({
        environmentID: o.key,
        api: o.url,
        realtime: Boolean(o.realtime_url),
        eventSourceUrl: o.realtime_url,
        enableAnalytics: o.analytics,
        ...(o.events_url && { enableEvents: true, eventProcessorConfig: { eventsApiUrl: o.events_url } }),
      })
    } catch (error) {
      if (!o.default) throw error // with defaults, an application goes on
    }
    if (o.refresh_ms) sdk.startListening(o.refresh_ms)
  },

  // The SDK holds the flags of the current identity. While it listens, what it
  // holds is what counts; else it asks.
  async flags({ client, identity, features }) {
    const { sdk, options } = opened(client)
    const listens = options.refresh_ms || options.realtime_url
    if (identity) {
      await sdk.identify(identity.identifier || null, traitsOf(identity), identity.transient)
    } else if (!listens && !options.default) {
      await sdk.logout()
    }
    if (!features) {
      return Object.entries(sdk.getAllFlags()).map(([name, { enabled, value }]) => ({ name, enabled, value }))
    }
    return features.map((name) => ({
      name,
      enabled: sdk.hasFeature(name, { fallback: options.default?.enabled, skipAnalytics: true }),
      value: sdk.getValue(name, { fallback: options.default?.value }),
    }))
  },

  async experiment({ client, identity, features: [name] }) {
    const { sdk } = opened(client)
    await sdk.identify(identity.identifier, traitsOf(identity))
    const { enabled, value, variant = null } = sdk.getExperimentFlag(name)
    return { name, enabled, value, variant }
  },

  async track({ client, event }) {
    opened(client).sdk.trackEvent(event, { value: '19.90', metadata: { currency: 'EUR' } }) // of the current identity
  },

  async flush_events({ client }) {
    await opened(client).sdk.flushEvents()
  },

  async flush() {}, // the SDK sends every ten seconds

  async close({ client }) {
    const { sdk } = opened(client)
    sdk.stopListening()
    sdk.eventSource?.close()
    clearInterval(sdk.analyticsInterval)
    clients.delete(client)
  },
}

function opened(client) {
  if (!clients.has(client)) throw new Error(`no client "${client}"`)
  return clients.get(client)
}

function traitsOf(identity) {
  return Object.fromEntries((identity.traits ?? []).map(({ key, value, transient }) => [key, { value, transient }]))
}

// What the SDK rejects with: an error, or the event of a request that failed.
const told = (error) => error?.message || `request failed: ${error?.type ?? error}`

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  let answer
  try {
    answer = { result: (await calls[request.call](request)) ?? null }
  } catch (error) {
    answer = { error: told(error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
process.exit(0) // whatever still runs in the background
