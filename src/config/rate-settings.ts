/** The settings of how many requests a caller may make. */
import { ratePerSecondMax } from '../limits.ts'
import { networks, whole } from '../setting.ts'

export const rateSettings = {
  rateCustomer: whole('RATE_CUSTOMER', [0, ratePerSecondMax], 20, {
    meaning: 'Requests a second of one customer, and as many at once; 0 for no limit, here and below',
    example: '20',
  }),
  rateAddress: whole('RATE_ADDRESS', [0, ratePerSecondMax], 100, {
    meaning: 'Requests a second without a token from one IPv4 address or IPv6 /64',
    example: '100',
  }),
  rateAddressCustomers: whole('RATE_ADDRESS_CUSTOMERS', [0, ratePerSecondMax], 0, {
    meaning: 'Requests a second of all customers of one address together; whole towns can share one',
    example: '2000',
  }),
  rateKey: whole('RATE_KEY', [0, ratePerSecondMax], 0, {
    meaning: 'Requests a second of one API key, the admin key included',
    example: '5000',
  }),
  trustedProxies: networks('TRUSTED_PROXIES', {
    meaning:
      'Networks of your own load balancers, separated by commas; what they say in `X-Forwarded-For` or `Forwarded` is believed',
    example: '10.0.0.0/8,fd00::/8',
    fallbackText: 'none: the other end of the connection counts',
  }),
}
