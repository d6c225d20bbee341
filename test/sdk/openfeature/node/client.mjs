// Drives OpenFeature's SDKs and OFREP providers for the tests in
// test/sdk/openfeature: reads requests, one JSON object a line, and answers each with
// one line. The contract is in the documentation of package openfeature.
import { createInterface } from 'node:readline'
import { OFREPProvider } from '@openfeature/ofrep-provider'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'
import { NOOP_PROVIDER as serverNone, OpenFeature as Server } from '@openfeature/server-sdk'
import { NOOP_PROVIDER as webNone, OpenFeature as Web, ProviderEvents } from '@openfeature/web-sdk'
import { EventSource } from 'eventsource'

// Standard output is for answers.
const logger = { debug() {}, info() {}, warn: console.error, error: console.error }
Server.setLogger(logger)
Web.setLogger(logger)

const clients = new Map()

// queue passes on values that come before or after somebody asks for them.
function queue() {
  const values = []
  const waiting = []
  return {
    put(value) {
      const waits = waiting.shift()
      if (waits) waits(value)
      else values.push(value)
    },
    take: () => (values.length > 0 ? values.shift() : new Promise((resolve) => waiting.push(resolve))),
  }
}

// Browsers have EventSource, which the provider looks for when it is asked for streams.
const streams = queue()
globalThis.EventSource = class extends EventSource {
  constructor(url) {
    super(url)
    this.addEventListener('open', () => streams.put(url))
  }
}

const calls = {
  async open({ client, options: o }) {
    const common = { baseUrl: o.url, headers: Object.entries(o.headers), fetchImplementation: o.body && sending(o.body) }
    if (!o.web) {
      await Server.setProviderAndWait(client, new OFREPProvider(common))
      clients.set(client, { sdk: Server.getClient(client) })
      return
    }
    await Web.setContext(client, o.context ?? {})
    const changeDetection = o.poll_ms ? 'polling' : o.stream ? 'sse' : 'none'
    const provider = new OFREPWebProvider({ ...common, pollInterval: o.poll_ms ?? 0, changeDetection, cacheMode: 'disabled' }, logger)
    await Web.setProviderAndWait(client, provider)
    const opened = { sdk: Web.getClient(client), web: true, changes: queue() }
    opened.sdk.addHandler(ProviderEvents.ConfigurationChanged, ({ flagsChanged }) => opened.changes.put(flagsChanged))
    clients.set(client, opened)
  },

  async evaluate({ client, flag, default: fallback, context }) {
    const type = typeof fallback
    const method = `get${type[0].toUpperCase()}${type.slice(1)}Details`
    const { sdk, web } = opened(client)
    return web ? sdk[method](flag, fallback) : sdk[method](flag, fallback, context)
  },

  async context({ client, context }) {
    await Web.setContext(client, context)
  },

  changed: ({ client }) => opened(client).changes.take(),

  streaming: () => streams.take(),

  async close({ client }) {
    const { web } = opened(client)
    clients.delete(client)
    // Another provider in its place ends the one that was there.
    if (web) await Web.setProviderAndWait(client, webNone)
    else await Server.setProviderAndWait(client, serverNone)
  },
}

function opened(client) {
  if (!clients.has(client)) throw new Error(`no client "${client}"`)
  return clients.get(client)
}

const sending = (body) => (request) => fetch(new Request(request, { body }))

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  let answer
  try {
    answer = { result: (await calls[request.call](request)) ?? null }
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
process.exit(0) // whatever still runs in the background
