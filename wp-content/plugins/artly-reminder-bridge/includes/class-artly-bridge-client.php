<?php
/**
 * The way to the Artly Sync server.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Calls the HTTP API of the Artly Sync server. Every method gives the decoded answer or a WP_Error made by
 * Artly_Bridge_Failure; the key is only ever a header, and only to the saved address.
 */
final class Artly_Bridge_Client {

	const SECRET_HEADER = 'x-artly-secret';
	const SERVER_NAME   = 'artly-sync';

	const HEALTH_PATH = '/healthz';
	const JOBS_PATH   = '/artly/sync/jobs';
	const START_PATH  = '/artly/sync/points-balances/start';
	const STATUS_PATH = '/artly/sync/points-balances/status';
	const CANCEL_PATH = '/artly/sync/points-balances/cancel';

	/** Seconds for a short question. */
	const TIMEOUT = 10;

	/** Seconds for a start: the upload of a million balances over a slow line (20 MB at 1 Mbit/s) and storing them. */
	const START_TIMEOUT = 300;

	/** No answer of the server is longer than this. */
	const LONGEST_ANSWER = 1048576;

	/**
	 * Address of the server, without a trailing slash.
	 *
	 * @var string
	 */
	private string $url;

	/**
	 * Key of this site.
	 *
	 * @var string
	 */
	private string $secret;

	/**
	 * A client for one server.
	 *
	 * @param string $url    Address of the server.
	 * @param string $secret Key of this site.
	 */
	public function __construct( string $url, string $secret ) {
		$this->url    = $url;
		$this->secret = $secret;
	}

	/**
	 * Starts a job with these balances. Nothing is sent before all of them have been read.
	 *
	 * @param iterable $balances Balances, see Artly_Bridge_Balance_Body::add().
	 * @return array<string,mixed>|WP_Error `{ success, jobId, message }`.
	 */
	public function start( iterable $balances ) {
		$body = new Artly_Bridge_Balance_Body();
		foreach ( $balances as $balance ) {
			$body->add( $balance );
		}
		if ( 0 === $body->count() ) {
			return Artly_Bridge_Failure::of( Artly_Bridge_Failure::NO_BALANCES );
		}
		$answer = $this->ask(
			'POST',
			self::START_PATH,
			array(
				'timeout' => self::START_TIMEOUT,
				'headers' => array(
					'Content-Type'     => 'application/json',
					'Content-Encoding' => 'gzip',
				),
				'body'    => $body->finish(),
			)
		);
		if ( is_wp_error( $answer ) ) {
			$is_timeout = Artly_Bridge_Failure::TIMEOUT === $answer->get_error_code();
			return $is_timeout ? Artly_Bridge_Failure::of( Artly_Bridge_Failure::START_TIMEOUT ) : $answer;
		}
		$has_id = isset( $answer['jobId'] ) && is_string( $answer['jobId'] ) && '' !== $answer['jobId'];
		return $has_id ? $answer : Artly_Bridge_Failure::of( Artly_Bridge_Failure::NOT_ARTLY );
	}

	/**
	 * Asks for a job.
	 *
	 * @param string $job_id  Id of the job.
	 * @param int    $timeout Seconds to wait.
	 * @return array<string,mixed>|WP_Error `{ success, job }`.
	 */
	public function status( string $job_id, int $timeout = self::TIMEOUT ) {
		$answer = $this->ask( 'GET', self::STATUS_PATH . '?jobId=' . rawurlencode( $job_id ), array( 'timeout' => $timeout ) );
		if ( ! is_wp_error( $answer ) && ( ! isset( $answer['job'] ) || ! is_array( $answer['job'] ) ) ) {
			return Artly_Bridge_Failure::of( Artly_Bridge_Failure::NOT_ARTLY );
		}
		return $answer;
	}

	/**
	 * Asks for an address at which a browser can watch a job: once, and within a minute.
	 *
	 * What opens it is a ticket. The key must never reach a browser.
	 *
	 * @param string $job_id Id of the job.
	 * @return string|WP_Error
	 */
	public function events_url( string $job_id ) {
		$path   = self::JOBS_PATH . '/' . rawurlencode( $job_id );
		$answer = $this->ask( 'POST', $path . '/ticket', array() );
		if ( is_wp_error( $answer ) ) {
			return $answer;
		}
		$has_ticket = isset( $answer['ticket'] ) && is_string( $answer['ticket'] ) && '' !== $answer['ticket'];
		return $has_ticket
			? $this->url . $path . '/events?ticket=' . rawurlencode( $answer['ticket'] )
			: Artly_Bridge_Failure::of( Artly_Bridge_Failure::NOT_ARTLY );
	}

	/**
	 * Cancels a job.
	 *
	 * @param string $job_id Id of the job.
	 * @return array<string,mixed>|WP_Error `{ success, message, jobId }`.
	 */
	public function cancel( string $job_id ) {
		return $this->ask(
			'POST',
			self::CANCEL_PATH,
			array(
				'headers' => array( 'Content-Type' => 'application/json' ),
				'body'    => wp_json_encode( array( 'jobId' => $job_id ) ),
			)
		);
	}

	/**
	 * Tries address and key, and tells what is wrong.
	 *
	 * The address is proven first, without the key: a key must not go to a server that is not Artly Sync.
	 *
	 * @return true|WP_Error
	 */
	public function test() {
		$health = $this->send( 'GET', self::HEALTH_PATH, array() );
		if ( is_wp_error( $health ) ) {
			return $health;
		}
		if ( self::SERVER_NAME !== ( $health['name'] ?? null ) ) {
			return Artly_Bridge_Failure::of( Artly_Bridge_Failure::NOT_ARTLY );
		}
		$jobs = $this->ask( 'GET', self::JOBS_PATH . '?limit=1', array() );
		return is_wp_error( $jobs ) ? $jobs : true;
	}

	/**
	 * Sends a request with the key.
	 *
	 * @param string              $method HTTP method.
	 * @param string              $path   Path and query.
	 * @param array<string,mixed> $args   Arguments of the WordPress HTTP API.
	 * @return array<string,mixed>|WP_Error
	 */
	private function ask( string $method, string $path, array $args ) {
		if ( '' === $this->url || '' === $this->secret ) {
			return Artly_Bridge_Failure::of( Artly_Bridge_Failure::NOT_CONFIGURED );
		}
		$args['headers'][ self::SECRET_HEADER ] = $this->secret;
		return $this->send( $method, $path, $args );
	}

	/**
	 * Sends a request and judges the answer.
	 *
	 * @param string              $method HTTP method.
	 * @param string              $path   Path and query.
	 * @param array<string,mixed> $args   Arguments of the WordPress HTTP API.
	 * @return array<string,mixed>|WP_Error
	 */
	private function send( string $method, string $path, array $args ) {
		$args['method']              = $method;
		$args['timeout']             = $args['timeout'] ?? self::TIMEOUT;
		$args['limit_response_size'] = self::LONGEST_ANSWER;
		$args['headers']['Accept']   = 'application/json';
		// Following a redirect would carry the key to an address nobody has entered.
		$args['redirection'] = 0;

		$response = wp_remote_request( $this->url . $path, $args );
		if ( is_wp_error( $response ) ) {
			return Artly_Bridge_Failure::from_transport( $response );
		}
		$status = (int) wp_remote_retrieve_response_code( $response );
		$answer = json_decode( wp_remote_retrieve_body( $response ), true );
		if ( ! is_array( $answer ) || ! isset( $answer['success'] ) ) {
			// What a proxy says while the server behind it is down.
			$is_away = in_array( $status, array( 502, 503, 504 ), true );
			return Artly_Bridge_Failure::of( $is_away ? Artly_Bridge_Failure::UNAVAILABLE : Artly_Bridge_Failure::NOT_ARTLY );
		}
		if ( true === $answer['success'] && $status >= 200 && $status < 300 ) {
			return $answer;
		}
		return Artly_Bridge_Failure::from_answer( $status, $answer );
	}
}
