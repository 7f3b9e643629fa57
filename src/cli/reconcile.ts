/** `npm run reconcile`: asks a running server what keeps a restored backup from selling, and tells it what was decided. */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { ask, type Server, serverOf } from './running-server.ts'
import { countOf, processTerminal, quoted, type Terminal, table } from './terminal.ts'
import { usableArguments } from './usable-arguments.ts'

const HELP = `npm run reconcile -- status
npm run reconcile -- refund PAYMENT
npm run reconcile -- accept PAYMENT --note TEXT
npm run reconcile -- lift --yes --reason TEXT

A shop that was restored from a backup (npm run restore) sells nothing until the payment provider's list shows no payment
whose order it does not know. The server compares the list by itself, brings up to date what it knows, and sells again where
nothing else is left; these are for what is left.

status lists the payments that nobody here knows, with order, amount and time.

refund gives one back at the provider, all that is left of it.

accept keeps one: its order is made good by hand. Send the goods, and take them out of the stock by an adjustment, since
the restored stock still has them; the note says that you have.

lift is for a shop whose provider has no list, or that has no provider: it sells again on your word. It is refused while
a payment is undecided.

The server must be running. The key is ADMIN_KEY, else the one that the data directory keeps.

  --url URL      the server; without it HOLDFAST_URL, else http://127.0.0.1:3000
  --data DIR     the data directory; without it DATA_DIR, else ./data
  --note TEXT    what became of the order; kept
  --reason TEXT  how it is known that nothing is missing; kept
  --yes          it is meant
  --json         what the server answers, as JSON
  -h, --help     this text

Exit codes
  0   it sells, or the payment was decided about
  1   status: it does not sell
  3   the command line is wrong, the server does not answer, or it refuses`

const payment = z.object({
  transactionId: z.string(),
  orderId: z.string(),
  amount: z.number(),
  currency: z.string(),
  paidAt: z.string(),
  state: z.string(),
  failure: z.string().optional(),
})
const restoration = z.object({
  cause: z.string(),
  newestAt: z.string(),
  anyShop: z.boolean(),
  markedAt: z.string(),
  comparedAt: z.string().optional(),
  liftedAt: z.string().optional(),
  liftedBy: z.string().optional(),
  reason: z.string().optional(),
})
const reconciliation = z.object({
  selling: z.boolean(),
  provider: z.string().optional(),
  restoration: restoration.optional(),
  undecided: z.number(),
  payments: z.array(payment),
})
type Reconciliation = z.output<typeof reconciliation>

const PATH = '/v1/reconciliation'

const terminal = processTerminal()
try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  if (!(error instanceof Unusable)) throw error
  terminal.remark(`reconcile: ${error.message}`)
  process.exitCode = exitCodes.unusable
}

type Values = ReturnType<typeof readArguments>['values']

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const { values, positionals } = readArguments(args)
  if (values.help) {
    out.line(HELP)
    return exitCodes.good
  }
  const [command, id] = positionals
  const isOfPayment = command === 'refund' || command === 'accept'
  if (
    positionals.length !== (isOfPayment ? 2 : 1) ||
    (!isOfPayment && command !== 'status' && command !== 'lift')
  )
    throw new Unusable('There are status, refund PAYMENT, accept PAYMENT and lift. --help says more.')
  if (isOfPayment) return await decide(command, id ?? '', { values, out })
  if (command === 'lift') return await lift(values, out)
  const found = await ask(serverOf(values), { method: 'GET', path: PATH, schema: reconciliation })
  if (values.json) out.line(JSON.stringify(found))
  else tell(found, out)
  return found.selling ? exitCodes.good : exitCodes.damaged
}

function readArguments(args: readonly string[]) {
  return usableArguments(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        data: { type: 'string' },
        note: { type: 'string' },
        reason: { type: 'string' },
        yes: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }),
  )
}

function tell(
  { selling, provider, restoration: last, undecided, payments }: Reconciliation,
  out: Terminal,
): void {
  out.line(selling ? 'It sells.' : out.paint('red', 'It sells nothing until it is reconciled.'))
  if (last === undefined) return
  const { cause, newestAt, markedAt, comparedAt, liftedAt, liftedBy, reason } = last
  const how = cause === 'noticed' ? 'noticed to be of a backup' : 'restored from a backup'
  out.line(`${how} at ${markedAt}; its tables knew of orders to ${newestAt}`)
  if (last.anyShop)
    out.remark(
      'The backup did not know this shop’s id: payments of other shops on the account may be among these.',
    )
  if (liftedAt !== undefined) out.line(`reconciled at ${liftedAt} by ${liftedBy}: ${quoted(reason ?? '')}`)
  else if (provider === undefined) out.line('No payment provider: "lift" sells again, on your word.')
  else if (comparedAt === undefined) out.line(`The list of ${provider} has not been gone through yet.`)
  else
    out.line(
      `The list of ${provider} was gone through at ${comparedAt}: ${countOf(undecided, 'payment')} undecided.`,
    )
  if (payments.length > 0) for (const line of rowsOf(payments)) out.line(line)
}

function rowsOf(payments: Reconciliation['payments']): string[] {
  const rows = payments.map(({ transactionId, orderId, amount, currency, paidAt, state, failure }) => {
    const why = failure === undefined ? state : `${state} (${failure})`
    return [transactionId, orderId, `${amount} ${currency}`, paidAt, why]
  })
  return table([['payment', 'order', 'amount', 'paid', 'state'], ...rows])
}

async function decide(
  command: 'refund' | 'accept',
  id: string,
  { values, out }: { readonly values: Values; readonly out: Terminal },
): Promise<ExitCode> {
  if (command === 'accept' && values.note === undefined)
    throw new Unusable('accept takes --note, which says what became of the order.')
  const server: Server = serverOf(values)
  const decided = await ask(server, {
    method: 'POST',
    path: `${PATH}/payments/${encodeURIComponent(id)}/${command}`,
    ...(command === 'accept' ? { body: { note: values.note } } : {}),
    schema: payment,
  })
  if (values.json) out.line(JSON.stringify(decided))
  else out.line(`${decided.transactionId}, ${decided.amount} ${decided.currency}: ${decided.state}`)
  return exitCodes.good
}

async function lift(values: Values, out: Terminal): Promise<ExitCode> {
  const { yes, reason } = values
  if (!yes || reason === undefined)
    throw new Unusable('lift takes --yes and --reason: from then on the shop sells whatever was sold before.')
  const schema = restoration
  const lifted = await ask(serverOf(values), {
    method: 'POST',
    path: `${PATH}/lift`,
    body: { reason },
    schema,
  })
  if (values.json) out.line(JSON.stringify(lifted))
  else out.line(`It sells, since ${lifted.liftedAt}.`)
  return exitCodes.good
}
