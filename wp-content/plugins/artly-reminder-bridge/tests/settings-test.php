<?php
/**
 * Settings and uninstalling.
 *
 * @package Artly_Reminder_Bridge
 */

/**
 * What may be saved, and that it goes with the plugin.
 */
final class Artly_Settings_Test extends Artly_Test_Case {

	/**
	 * Typed addresses and what is kept of them.
	 */
	public function addresses(): array {
		return array(
			array( 'https://sync.example.com', 'https://sync.example.com' ),
			array( ' https://sync.example.com/ ', 'https://sync.example.com' ),
			array( 'http://127.0.0.1:4000/', 'http://127.0.0.1:4000' ),
			array( 'http://[::1]:4000', 'http://[::1]:4000' ),
			array( 'https://example.com/artly/prefix//', 'https://example.com/artly/prefix' ),
			array( 'sync.example.com', '' ),
			array( 'ftp://sync.example.com', '' ),
			array( 'https://', '' ),
			array( 'https://name:word@sync.example.com', '' ),
			array( 'https://sync.example.com?x=1', '' ),
			array( 'https://sync.example.com#x', '' ),
			array( "https://sync.example.com\r\nx: y", '' ),
			array( 'javascript:alert(1)', '' ),
			array( '', '' ),
		);
	}

	/**
	 * Only addresses of a server are kept, without a slash at the end.
	 *
	 * @dataProvider addresses
	 * @param string $typed Typed address.
	 * @param string $kept  What is kept.
	 */
	public function test_only_whole_addresses_are_kept( string $typed, string $kept ): void {
		$this->assertSame( $kept, Artly_Bridge_Settings::normalize_url( $typed ) );
	}

	public function test_options_of_older_versions_are_read_also_with_a_slash_at_the_end(): void {
		update_option( '_artly_reminder_engine_url', 'https://old.example/api/' );
		update_option( '_artly_reminder_engine_secret', ' old-key ' );
		$this->assertSame( 'https://old.example/api', Artly_Bridge_Settings::url() );
		$this->assertSame( 'old-key', Artly_Bridge_Settings::secret() );
		$this->assertTrue( Artly_Bridge_Settings::is_connected() );
	}

	public function test_an_empty_key_field_keeps_the_key_and_an_impossible_one_changes_nothing(): void {
		$this->assertSame( self::KEY, Artly_Bridge_Settings::sanitize_secret_field( '' ) );
		$this->assertSame( 'new-key', Artly_Bridge_Settings::sanitize_secret_field( ' new-key ' ) );
		$this->assertSame( self::KEY, Artly_Bridge_Settings::sanitize_secret_field( "a\r\nb" ) );
		$this->assertSame( $this->server_url(), Artly_Bridge_Settings::sanitize_url_field( 'nonsense' ) );
		$this->assertSame( '', Artly_Bridge_Settings::sanitize_url_field( '' ) );
	}

	public function test_where_nobody_has_chosen_the_first_source_that_can_be_read_is_used(): void {
		$this->assertNull( Artly_Bridge_Sources::chosen() );
		update_option( Artly_Bridge_Settings::OPTION_META_KEY, 'points' );
		$this->assertSame( 'user_meta', Artly_Bridge_Sources::chosen()->id() );
		$this->points_table();
		$this->assertSame( 'wc_points_rewards', Artly_Bridge_Sources::chosen()->id() );
		update_option( Artly_Bridge_Settings::OPTION_SOURCE, 'user_meta' );
		$this->assertSame( 'user_meta', Artly_Bridge_Sources::chosen()->id() );
	}

	public function test_neither_page_shows_the_key(): void {
		$this->points_table();
		foreach ( array( 'Artly_Bridge_Settings_Page', 'Artly_Bridge_Admin_Page' ) as $page ) {
			ob_start();
			$page::render();
			$html = ob_get_clean();
			$this->assertStringContainsString( '<h1>', $html );
			$this->assertStringNotContainsString( self::KEY, $html );
		}
	}

	public function test_uninstalling_leaves_nothing_behind(): void {
		global $wpdb;
		update_option( Artly_Bridge_Settings::OPTION_SOURCE, 'user_meta' );
		update_option( Artly_Bridge_Settings::OPTION_META_KEY, 'points' );
		( new Artly_Bridge_Current_Job() )->begin( Artly_Bridge_Job_View::accepted( 'job-1', 5 ) );
		( new Artly_Bridge_Start_Lock() )->acquire();
		$count = "SELECT COUNT(*) FROM {$wpdb->options} WHERE option_name LIKE '\_artly%'";
		$this->assertSame( '6', $wpdb->get_var( $count ) );
		define( 'WP_UNINSTALL_PLUGIN', 'artly-reminder-bridge/artly-reminder-bridge.php' );
		require dirname( __DIR__ ) . '/uninstall.php';
		$this->assertSame( '0', $wpdb->get_var( $count ) );
	}
}
