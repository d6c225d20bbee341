// Drives Flagsmith's Node.js SDK for the tests in test/sdk: reads requests, one
// JSON object a line, and answers each with one line. The contract is in the
// documentation of package sdk.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Flagsmith, DefaultFlag } from 'flagsmith-nodejs'

// Standard output is for answers.
const logger = { trace() {}, debug() {}, info() {}, warn: console.error, error: console.error, fatal: console.error }
const clients = new Map()

const calls = {
  about() {
    const main = createRequire(import.meta.url).resolve('flagsmith-nodejs')
    const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', `file://${main}`)))
    return { sdk: name, version, runtime: `Node.js ${process.version}` }
  },

  open({ client, options: o }) {
    clients.set(client, new Flagsmith({
      environmentKey: o.key,
      apiUrl: o.url,
      logger,
      defaultFlagHandler: o.default && (() => new DefaultFlag(o.default.value, o.default.enabled)),
      enableLocalEvaluation: o.local,
      environmentRefreshIntervalSeconds: o.refresh_ms / 1000,
      enableAnalytics: o.analytics,
      fetch: o.page_size && inPages(o.page_size),
    }))
  },

  async flags({ client, identity, features }) {
    const sdk = opened(client)
    const flags = identity
      ? await sdk.getIdentityFlags(identity.identifier, traitsOf(identity), identity.transient)
      : await sdk.getEnvironmentFlags()
    if (!features) {
      return flags.allFlags().map((flag) => shown(flag.featureName, flag))
    }
    return features.map((name) => shown(name, flags.getFlag(name)))
  },

  async segments({ client, identity }) {
    const segments = await opened(client).getIdentitySegments(identity.identifier, traitsOf(identity))
    return segments.map((segment) => segment.name)
  },

  async flush({ client }) {
    await opened(client).analyticsProcessor.flush()
  },

  async close({ client }) {
    await opened(client).close()
    clients.delete(client)
  },
}

function opened(client) {
  if (!clients.has(client)) throw new Error(`no client "${client}"`)
  return clients.get(client)
}

function traitsOf(identity) {
  return Object.fromEntries((identity.traits ?? []).map(({ key, value, transient }) =>
    [key, transient ? { value, transient } : value]))
}

const shown = (name, flag) => ({ name, enabled: flag.enabled, value: flag.value ?? null })

// The SDK follows links to further pages, but has no setting for asking for
// pages: the API decides. The first request is made to ask here.
function inPages(size) {
  return (url, init) => fetch(url.endsWith('/environment-document/') ? `${url}?page_size=${size}` : url, init)
}

// An error with its causes, in which the SDK tells the status.
function told(error) {
  return error.cause ? `${error.message}: ${told(error.cause)}` : error.message
}

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
