<?php
/**
 * What the tests share.
 *
 * @package Artly_Reminder_Bridge
 */

use PHPUnit\Framework\TestCase;

/**
 * A test in a real WordPress with a stub of the Artly Sync server.
 */
abstract class Artly_Test_Case extends TestCase {

	const KEY = 'the-right-key';

	/**
	 * The stub, started once.
	 *
	 * @var Artly_Php_Server|null
	 */
	private static ?Artly_Php_Server $stub = null;

	/**
	 * File with the stub's state.
	 *
	 * @var string
	 */
	private static string $state_file = '';

	/**
	 * Every test begins with the owner signed in, no points, no settings but the connection.
	 */
	protected function setUp(): void {
		global $wpdb;
		if ( null === self::$stub ) {
			self::$state_file = tempnam( sys_get_temp_dir(), 'artly-stub-' );
			self::$stub       = new Artly_Php_Server( __DIR__ . '/stub-server.php', __DIR__, array( 'ARTLY_STUB_STATE' => self::$state_file ), 4 );
			register_shutdown_function( 'unlink', self::$state_file );
		}
		$this->tell_server( array() );
		foreach ( array_keys( Artly_Bridge_Source_Wc_Points::TABLES ) as $table ) {
			$wpdb->query( "DROP TABLE IF EXISTS {$wpdb->prefix}{$table}" );
		}
		$wpdb->query( "DELETE FROM {$wpdb->users} WHERE ID > 1" );
		$wpdb->query( "DELETE FROM {$wpdb->usermeta} WHERE user_id > 1" );
		$wpdb->query( "DELETE FROM {$wpdb->options} WHERE option_name LIKE '\_artly%'" );
		wp_cache_flush();
		wp_set_current_user( 1 );
		update_option( Artly_Bridge_Settings::OPTION_URL, $this->server_url() );
		update_option( Artly_Bridge_Settings::OPTION_SECRET, self::KEY );
	}

	/**
	 * Filters that a test has added must not reach the next one.
	 */
	protected function tearDown(): void {
		remove_all_filters( 'artly_reminder_bridge_sources' );
		remove_all_filters( 'http_request_args' );
	}

	protected function server_url(): string {
		return self::$stub->url;
	}

	/**
	 * What the stub knows: `job`, `requests`, `started`.
	 */
	protected function server_state(): array {
		return (array) json_decode( file_get_contents( self::$state_file ), true );
	}

	/**
	 * Tells the stub what to do; the rest of its state is gone.
	 *
	 * @param array<string,mixed> $state The state.
	 */
	protected function tell_server( array $state ): void {
		file_put_contents( self::$state_file, wp_json_encode( $state ), LOCK_EX );
	}

	/**
	 * Changes the stub's job, as progress would.
	 *
	 * @param array<string,mixed> $fields Fields of the job.
	 */
	protected function move_job( array $fields ): void {
		$state        = $this->server_state();
		$state['job'] = array_merge( $state['job'], $fields, array( 'version' => $state['job']['version'] + 1 ) );
		$this->tell_server( $state );
	}

	/**
	 * Requests of one path that the stub got.
	 *
	 * @param string $path The path.
	 */
	protected function requests( string $path ): array {
		return array_values(
			array_filter(
				$this->server_state()['requests'] ?? array(),
				static function ( $request ) use ( $path ) {
					return parse_url( $request['uri'], PHP_URL_PATH ) === $path;
				}
			)
		);
	}

	/**
	 * Makes a member, without hashing a password nobody uses.
	 *
	 * @param int    $id    Id.
	 * @param string $email Address.
	 */
	protected function member( int $id, string $email = '' ): void {
		global $wpdb;
		$wpdb->insert(
			$wpdb->users,
			array(
				'ID'            => $id,
				'user_login'    => "member{$id}",
				'user_nicename' => "member{$id}",
				'user_email'    => '' === $email ? "member{$id}@shop.example" : $email,
			)
		);
	}

	/**
	 * Makes the points table of WooCommerce Points and Rewards.
	 */
	protected function points_table(): void {
		global $wpdb;
		$wpdb->query(
			"CREATE TABLE {$wpdb->prefix}wc_points_rewards_user_points (
				id bigint(20) NOT NULL AUTO_INCREMENT, user_id bigint(20) NOT NULL, points bigint(20) NOT NULL,
				points_balance bigint(20) NOT NULL, order_id bigint(20) DEFAULT NULL, date datetime NOT NULL,
				PRIMARY KEY (id), KEY user_id_points_balance (user_id, points_balance)
			)"
		);
	}

	/**
	 * Adds a row to the points table.
	 *
	 * @param int $user_id Member.
	 * @param int $balance What is left of these points.
	 */
	protected function points( int $user_id, int $balance ): void {
		global $wpdb;
		$wpdb->insert(
			$wpdb->prefix . 'wc_points_rewards_user_points',
			array(
				'user_id'        => $user_id,
				'points'         => 100,
				'points_balance' => $balance,
				'date'           => '2026-01-01 00:00:00',
			)
		);
	}

	/**
	 * A shop of so many members with points.
	 *
	 * @param int $members How many.
	 */
	protected function shop( int $members ): void {
		$this->points_table();
		for ( $id = 2; $id < $members + 2; $id++ ) {
			$this->member( $id );
			$this->points( $id, $id * 10 );
		}
	}

	/**
	 * What a collector gives, as a list.
	 *
	 * @param Artly_Bridge_Source $source    Where to read.
	 * @param int                 $page_size Members a page.
	 */
	protected function collect( Artly_Bridge_Source $source, int $page_size = 100 ): array {
		return iterator_to_array( ( new Artly_Bridge_Collector( $source, $page_size ) )->balances(), false );
	}
}
