/** Whose address a call comes from, as one text that stands for all the addresses of one client. */
import { clientOf, type Network } from '../ip-address.ts'
import { addressOf } from './client-address.ts'
import { type Call, headerOf } from './route.ts'

/** All whose socket has gone before it could be asked: nobody hears what they are told. */
const GONE = 'gone'

/** An IPv4 address or an IPv6 /64. */
export function clientKeyOf(context: Call['context'], trustedProxies: readonly Network[]): string {
  const address = addressOf(
    {
      peer: context.env?.incoming?.socket.remoteAddress,
      xForwardedFor: headerOf(context, 'x-forwarded-for'),
      forwarded: headerOf(context, 'forwarded'),
    },
    trustedProxies,
  )
  return address === undefined ? GONE : clientOf(address)
}
